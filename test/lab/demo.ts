import { addresses } from "./addresses.ts";
import { prepareEngine } from "./engine.ts";
import { asPerson } from "./network.ts";
import { home, Operator, zone } from "./operator.ts";
import { Progress } from "./progress.ts";
import { must } from "./shell.ts";
import { up } from "./world.ts";

/** The whole path, once: a world, the real `pulumi up` in it, and a stranger who reaches the home by name. */
export async function demo(): Promise<void> {
  const progress = new Progress();
  console.log("A home behind CGNAT gets a public address. Everything below happens inside this machine.\n");
  await progress.phase("Pulumi and its plugins", prepareEngine);
  await up(progress);
  const operator = await progress.phase("The operator's stack file", async (detail) => {
    const it = await Operator.withStack("demo", detail);
    await it.configure({ homes: [await home()], dns: { zone, createZone: true, names: ["@", "www"] } });
    return it;
  });
  await progress.phase("pulumi up", (detail) => operator.up([], { onLine: detail }));
  const page = await progress.phase("A stranger fetches the page by its name", () =>
    must(
      asPerson("stranger", [
        "curl",
        "--ipv4",
        "--silent",
        "--show-error",
        "--max-time",
        "10",
        `http://www.${zone}/`,
      ]),
    ),
  );
  const seen = /You are ([0-9a-f.:]+)/.exec(page)?.[1] ?? "nobody";
  const { ipv4Address } = await operator.outputs();

  console.log(`
${page.replace(/^/gm, "    ").trimEnd()}

  stranger ${addresses.stranger}
     │  http://www.${zone}/ -> ${String(ipv4Address)} port 80
  relay ${String(ipv4Address)}            nftables: 80 -> 8080 in the tunnel
     ║  WireGuard, kept open from inside
  CGNAT ${addresses.cgnatOutside}, home router
     ║
  home ${addresses.home} port 8080       saw the client as ${seen}${seen === addresses.stranger ? ", the stranger's own address" : ""}

Where the time went
${progress.summary()}

The lab is up. What to try next:
  npm run lab -- sh stranger curl -k https://${zone}/     TLS ends at home, nobody else has the key
  npm run lab -- sh home                                  look around at home
  npm run lab -- pulumi stack output                      what the operator sees
  npm run lab -- pulumi preview                           nothing to change
  npm run lab -- power-cut relay                          pull the relay's plug; it comes back
  npm run lab -- pulumi destroy                           take it all away
  npm run demo -- down                                    end the lab`);
}
