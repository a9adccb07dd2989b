/** The hosts of whole programs, as the steps of these programs prepare them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { HomeRelay } from "../../components/HomeRelay.ts";
import { prepareParts } from "../../components/host/scriptParts.ts";
import { libraryFolder } from "../../components/network/installation.ts";
import { homeRelayArgs, hostKey } from "./componentArguments.ts";
import { documentOf, named, register } from "./mockEngine.ts";
import type { Registered } from "./mockEngine.ts";

export interface PreparedHost {
  /** What the first step puts there. */
  readonly files: readonly { readonly path: string; readonly mode: string; readonly text: string }[];
  /** The list of what the host is to have, line by line. */
  readonly list: readonly string[];
  /** Paths of the scripts that its steps run. */
  readonly scripts: readonly string[];
  /** The documents of its other steps that stand in clear. */
  readonly documents: readonly string[];
}

export const listPath = "/etc/homerelay/wanted";

const components = join(__dirname, "../../components");
const unpacking = prepareParts.map((part) => readFileSync(join(components, part), "utf8")).join("");

const secret = "s3cret";
const homes = [{ name: "nas", ssh: { host: "192.168.1.10", hostKey }, forwards: ["80:8080"] }];
/** Encrypted as a whole; the address of a service as well. */
const notify = [{ service: "ntfy", url: "https://ntfy.sh/s3cret" }];
const dynDns = { provider: "duckdns", names: ["myhome"], token: secret };

/** A host of each kind that there is, with all that it may have. */
export async function prepareHosts(): Promise<ReadonlyMap<string, PreparedHost>> {
  const own = await register(
    () =>
      new HomeRelay(
        "home",
        homeRelayArgs({ relay: { metricsPeers: ["nas"] }, homes, dns: dynDns, notify, devices: ["phone"] }, [
          secret,
          "https://ntfy.sh/s3cret",
        ]),
      ),
  );
  const relay = { provider: "ssh", host: "203.0.113.5", hostKey };
  const existing = await register(() => new HomeRelay("home", homeRelayArgs({ relay, homes })));
  return new Map([
    ["relay of this stack's own", hostOf(own, "home-relay")],
    ["relay that was there before", hostOf(existing, "home-relay")],
    ["home", hostOf(own, "home-nas")],
  ]);
}

/** The host of this name, and of whatever step goes to the same machine. */
export function hostOf(registered: readonly Registered[], name: string): PreparedHost {
  const prepare = named(registered, `${name}-prepare`);
  const document = prepare.inputs["stdin"];
  if (typeof document !== "string" || !document.startsWith(unpacking))
    throw new Error(`${name} is prepared by something else`);
  const parts = document
    .slice(unpacking.length)
    .replace(/^#end\n$/m, "")
    .split(/^#file /m)
    .slice(1);
  const files = parts.map((part) => {
    const [, mode = "", path = "", text = ""] = /^(\S+) (\S+)\n(.*)$/s.exec(part) ?? [];
    return { path, mode, text };
  });
  const machine = machineOf(prepare);
  const steps = registered.filter((one) => one !== prepare && machineOf(one) === machine);
  return {
    files: files.filter(({ path }) => path !== listPath),
    list:
      files
        .find(({ path }) => path === listPath)
        ?.text.trimEnd()
        .split("\n") ?? [],
    scripts: steps.flatMap(({ inputs }) => pathsIn(String(inputs["create"]))),
    documents: steps.flatMap(({ inputs: { stdin } }) => (typeof stdin === "string" ? [stdin] : [])),
  };
}

/** Where a command runs, if it runs a script there: one text for one host. */
function machineOf(step: Registered): string | undefined {
  const { create, connection } = step.inputs;
  if (typeof create !== "string" || !/\btimeout \d+ /.test(create)) return undefined;
  return JSON.stringify(connection ?? documentOf(step)["access"]);
}

/** Paths of our scripts and of what they read, wherever a text names them. */
export function pathsIn(text: string): string[] {
  return [...text.matchAll(new RegExp(`${libraryFolder}/[a-z-]+\\.(?:sh|nft)`, "g"))].map(([path]) => path);
}
