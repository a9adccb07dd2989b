/** Types are checked by `npm run lint`; here they are only stripped. */
const transform = {
  "^.+\\.ts$": [
    "@swc/jest",
    { jsc: { parser: { syntax: "typescript" }, target: "es2023" }, module: { type: "commonjs" } },
  ],
};
const ring = (displayName, testMatch) => ({ displayName, testMatch, transform, testEnvironment: "node" });

export default {
  projects: [
    ring("unit", ["<rootDir>/test/unit/**/*.test.ts"]),
    ring("contract", ["<rootDir>/test/contract/**/*.test.ts"]),
    ring("lab", ["<rootDir>/test/lab/checks/**/*.test.ts"]),
  ],
};
