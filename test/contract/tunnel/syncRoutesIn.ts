import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

const script = join(__dirname, "../../../components/tunnel/sync-routes.sh");

/** The text of sync-routes.sh with its files, `routes` and `in-force`, in a folder of the test's own. */
export function syncRoutesIn(folder: string): string {
  return readFileSync(script, "utf8")
    .replace("wanted=/etc/homerelay/routes", `wanted=${folder}/routes`)
    .replace("in_force=/run/homerelay-routes", `in_force=${folder}/in-force`)
    .replace("/usr/local/lib/homerelay/", `${dirname(script)}/`);
}
