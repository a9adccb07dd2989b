import { basename, dirname, join, relative, sep } from "node:path";
import js from "@eslint/js";
import tseslint from "typescript-eslint";

const components = join(import.meta.dirname, "components");

/** What a file of components/ is, by its place and its name; `undefined` for one of another folder. */
function placeOf(path) {
  const parts = relative(components, path).split(sep);
  if (parts[0] === "..") return undefined;
  const name = basename(path);
  return {
    room: parts.length > 1 ? parts[0] : undefined,
    name,
    kind: /^[A-Z]/.test(name) ? "component" : /^[a-z]+(-[a-z]+)+\.ts$/.test(name) ? "program" : "pure",
  };
}

/** Why a file may not import another one; `undefined` where it may. */
function refusal(from, to) {
  if (from === undefined)
    return to === undefined || to.name === "HomeRelay.ts" || to.name === "StackSettings.ts"
      ? undefined
      : "index.ts reads the settings and makes one HomeRelay: hand it over in there.";
  if (to === undefined) return "components/ stands alone: nothing in it imports what lies outside.";
  if (from.name === "HomeRelay.ts") return undefined;
  // What looks at a whole stack asks every room, and wires nothing; the settings know only who writes them.
  if (from.room === undefined && from.kind === "program" && to.kind !== "component")
    if (to.room !== "settings" || from.name === "set-up-stack.ts") return undefined;
  if (to.name === "HomeRelay.ts") return "HomeRelay.ts knows the rooms, and no room knows it.";
  if (from.room === to.room) {
    if (from.kind === "component" || to.kind !== "component") return undefined;
    return "A component wires pure files and programs; they do not know it.";
  }
  if (to.room === "network" && to.kind === "pure") return undefined;
  if (from.room === "network") return "network/ is the vocabulary: it knows no other room.";
  if (to.room === "settings")
    return "Only HomeRelay.ts knows the settings: a record that rooms share is a type of network/.";
  if (from.room === "host") return "host/ is what the other rooms stand on: it knows network/ alone.";
  if (from.kind === "component") {
    // A provider's relay stands on what every relay is.
    if (to.kind === "pure" || to.room === "host" || to.room === "relay") return undefined;
    return "Components of different rooms know nothing of each other: HomeRelay.ts hands one's outputs to the next.";
  }
  if (from.kind === "program" && to.room === "host" && to.kind !== "component") return undefined;
  return "Pure files and programs know their own room and network/: a record that rooms share is a type of network/.";
}

/** The arrows between rooms and floors, as CONTRIBUTING.md draws them. */
const arrows = {
  meta: { type: "problem", schema: [], messages: { wrong: "{{ why }}" } },
  create(context) {
    const check = ({ source }) => {
      if (!source?.value.startsWith(".")) return;
      const to = placeOf(join(dirname(context.filename), source.value));
      const why = refusal(placeOf(context.filename), to);
      if (why !== undefined) context.report({ node: source, messageId: "wrong", data: { why } });
    };
    return { ImportDeclaration: check, ExportNamedDeclaration: check, ExportAllDeclaration: check };
  },
};

/** A room's pure files: no engine, no I/O, so that a test needs neither. */
const pure = "components/**/[a-z]*.ts";
/** A program that a step or a person runs on the operator's machine, named like the scripts: verb-noun. */
const program = [
  "components/**/[a-z]*-*.ts",
  // What several of these programs share.
  "components/dns/publicDns.ts",
  "components/hetzner/api.ts",
  "components/hetzner/askThings.ts",
  "components/host/askHost.ts",
  "components/host/askProgram.ts",
  "components/host/atExit.ts",
  "components/host/cleanHost.ts",
  "components/host/connection.ts",
  "components/host/findName.ts",
  "components/host/program.ts",
  "components/host/scriptText.ts",
  "components/host/sharedSocket.ts",
  "components/host/stackHosts.ts",
  "components/host/stackOutputs.ts",
  "components/host/stackState.ts",
  "components/host/tell.ts",
];

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
    ignores: program,
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
                "node:dns*",
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
    plugins: { house: { rules: { arrows } } },
    rules: { "house/arrows": "error" },
  },
  {
    files: ["components/**/*.ts", "index.ts"],
    ignores: ["components/settings/**", ...program],
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
