import { isPublic, rangeOf } from "./publicAddress.ts";

/** What a machine at home sees of its own line over IPv4, without asking anybody outside of the way. */
export interface LineFacts {
  /** Addresses of the card that leads to the internet. */
  readonly cards: readonly string[];
  /** Who passed packets on, the router first; `undefined`: that one stays silent. Empty: it could not be asked. */
  readonly hops: readonly (string | undefined)[];
  /** The address on the internet that the router says it has (NAT-PMP); `undefined`: it does not say. */
  readonly routerSays: string | undefined;
}

export interface LineVerdict {
  /** `own`: it has a public address of its own; `shared`: it has none; `likely`: it seems to have none. */
  readonly kind: "own" | "shared" | "likely" | "unknown";
  /** For the reader: what was seen, and what follows. */
  readonly text: string;
}

type Kind = "public" | "carrier" | "private" | "other";

const portForwarding =
  "plain port forwarding at the router may do, and then you need no relay. What a relay is good for all the same: an " +
  "address that stays, and one that is not your home's.";

/** Whether this line is behind a carrier's NAT. */
export function judgeLine({ cards, hops, routerSays }: LineFacts): LineVerdict {
  const onCard = cards.find((address) => kindOf(address) === "public");
  if (onCard !== undefined)
    return {
      kind: "own",
      text: `Not behind CGNAT: the machine itself has the public address ${onCard}. Opening the ports in its own firewall may do, and then you need no relay.`,
    };
  const said = routerSays === undefined ? undefined : kindOf(routerSays);
  if (said === "public")
    return {
      kind: "own",
      text: `Not behind CGNAT, says the router: its address on the internet is ${routerSays ?? ""}. So ${portForwarding}`,
    };
  const shared = [...(routerSays === undefined ? [] : [routerSays]), ...cards].find(
    (address) => kindOf(address) === "carrier",
  );
  if (shared !== undefined)
    return {
      kind: "shared",
      text: `Behind CGNAT: ${shared} (of 100.64.0.0/10) is one of the carrier's, and nobody outside can call it. A relay is what helps.`,
    };
  const carrier = hops.find((hop) => hop !== undefined && kindOf(hop) === "carrier");
  if (carrier !== undefined)
    return {
      kind: "likely",
      text: `Very likely behind CGNAT: on the way out stands ${carrier}, one of a carrier's (100.64.0.0/10). A relay is what helps.`,
    };
  const [, second] = hops;
  if (said === "private" || (second !== undefined && kindOf(second) === "private"))
    return {
      kind: "likely",
      text:
        `Behind two NATs: beyond the router comes ${said === "private" ? `a private network again (${routerSays ?? ""})` : `${second ?? ""}, private again`}. ` +
        "The outer one is the carrier's, or a second router of yours. A relay gets through both.",
    };
  return { kind: "unknown", text: unknownText(hops) };
}

function unknownText(hops: LineFacts["hops"]): string {
  const seen = hops.some((hop) => hop !== undefined)
    ? "nothing on the way out gives it away"
    : "the way out could not be looked at";
  return (
    `Whether this line is behind CGNAT cannot be told from here: ${seen}. Your router's page shows its address on the ` +
    "internet. Does it begin with 100.64 to 100.127, 10, 172.16 to 172.31 or 192.168, or is there none for IPv4, then " +
    `it is. Is it any other, ${portForwarding}`
  );
}

function kindOf(text: string): Kind {
  const range = rangeOf(text);
  if (range === "carrierGradeNat" || dsLite.test(text)) return "carrier";
  if (range === "private") return "private";
  return isPublic(text) ? "public" : "other";
}

/** What DS-Lite numbers its ends with: 192.0.0.0/29 (RFC 6333). */
const dsLite = /^192\.0\.0\.[0-7]$/;
