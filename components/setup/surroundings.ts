import { parseListeners } from "./listeners.ts";
import type { Listener } from "./listeners.ts";
import type { LineFacts } from "./line.ts";

/** What `look-around.sh` saw of a machine. */
export interface Surroundings {
  readonly hostname: string;
  /** Whether our steps could be root there without a question. */
  readonly canBeRoot: boolean;
  readonly line: LineFacts;
  /** Addresses of the card that leads to the internet, IPv4 and IPv6. */
  readonly addresses: readonly string[];
  readonly listeners: readonly Listener[];
}

/** `undefined`: it did not come to its end. */
export function parseSurroundings(said: string): Surroundings | undefined {
  const lines = said.split("\n").map((line) => line.trim());
  if (!lines.includes("end")) return undefined;
  const values = (word: string) =>
    lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));
  const addresses = values("card");
  return {
    hostname: values("name")[0] ?? "",
    canBeRoot: values("root")[0] === "yes",
    line: {
      cards: addresses.filter((address) => !address.includes(":")),
      hops: orderHops(values("hop")),
      routerSays: values("router")[0],
    },
    addresses,
    listeners: parseListeners(values("socket")),
  };
}

function orderHops(hops: readonly string[]): (string | undefined)[] {
  const found: (string | undefined)[] = [];
  for (const hop of hops) {
    const [number = "", address] = hop.split(" ");
    found[Number(number) - 1] = address;
  }
  return Array.from(found);
}

/** A home's name that its hostname suggests: `nas.lan` -> `nas`. */
export function suggestName(hostname: string): string {
  const [label = ""] = hostname.toLowerCase().split(".");
  const name = label
    .replaceAll(/[^a-z0-9-]/g, "-")
    .replace(/^[^a-z]+/, "")
    .slice(0, 20)
    .replace(/-+$/, "");
  return name === "" || name === "localhost" ? "home" : name;
}
