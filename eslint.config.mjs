import js from "@eslint/js";
import tseslint from "typescript-eslint";

/** A room's pure files: no engine, no I/O, so that a test needs neither. */
const pure = "components/**/[a-z]*.ts";
/** A program that a step or a person runs on the operator's machine, named like the scripts: verb-noun. */
const program = "components/**/[a-z]*-*.ts";

export default tseslint.config(
  { ignores: ["node_modules/", "**/*.mjs"] },
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/switch-exhaustiveness-check": "error",
    },
  },
  {
    files: [pure],
    ignores: [program],
    rules: {
      "no-restricted-imports": [
        "error",
        {
          patterns: [
            {
              group: ["@pulumi/*"],
              message: "A small.ts file is pure: move this into a Capital.ts component.",
            },
            {
              group: [
                "node:fs*",
                "node:child_process",
                "node:net",
                "node:dgram",
                "node:http*",
                "node:os",
                "node:process",
              ],
              message: "A small.ts file does no I/O.",
            },
          ],
        },
      ],
      "no-restricted-globals": ["error", "process", "fetch"],
    },
  },
  {
    files: ["components/**/*.ts", "index.ts"],
    ignores: ["components/settings/**", program],
    rules: {
      "no-restricted-syntax": [
        "error",
        {
          selector: "MemberExpression[object.name='process'][property.name='env']",
          message: "Only settings/ reads the environment.",
        },
        {
          selector: "NewExpression[callee.object.name='pulumi'][callee.property.name='Config']",
          message: "Only settings/ reads pulumi.Config.",
        },
      ],
    },
  },
);
