/**
 * `npm run -s home NAME [wireguard]`: prints the script that sets a home up by hand, as the last `pulumi up` made it, or
 * the plain configuration instead.
 */
import { readStackOutputs } from "../host/stackOutputs.ts";

const [name = "", part = "script"] = process.argv.slice(2);
const { manual = {} } = readStackOutputs() as { manual?: Record<string, Record<string, string>> };
const homes = new Map(Object.entries(manual));
const found = new Map(Object.entries(homes.get(name) ?? {})).get(part);
if (found === undefined) {
  const known = [...homes.keys()].join(", ") || "none";
  console.error(`usage: npm run -s home NAME [wireguard]; homes with install: manual: ${known}`);
  process.exitCode = 2;
} else {
  process.stdout.write(found);
}
