import { refuses } from "./stackFiles.ts";

const tokenMend =
  "create a token with read and write access in the Hetzner console, then: pulumi config set --secret hcloud:token";

refuses("of the token", [
  ["missing", { hcloudToken: undefined }, `hcloud:token: is missing\n  ${tokenMend} (or set HCLOUD_TOKEN)`],
  ["empty", { hcloudToken: "" }, `hcloud:token: is missing\n  ${tokenMend} (or set HCLOUD_TOKEN)`],
  [
    "cut off",
    { hcloudToken: "s3cret" },
    `hcloud:token: must have exactly 64 characters; found 6\n  ${tokenMend}`,
  ],
  [
    "another character",
    { hcloudToken: `${"s".repeat(63)}\n` },
    `hcloud:token: must be letters and digits only; found something else among its 64 characters\n  ${tokenMend}`,
  ],
]);
