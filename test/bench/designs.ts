/** The designs that are compared, each rendered from the same list of forwards. */
import type { PublishedForward } from "../../components/network/publishedForward.ts";
import { renderRelayRuleset } from "../../components/firewall/ruleset.ts";
import { parseForward } from "../../components/network/forward.ts";
import { portCount } from "../../components/network/port.ts";
import type { Protocol } from "../../components/network/port.ts";
import { parsePrefix } from "../../components/network/prefix.ts";

export type DesignName = "ours" | "nft" | "iptables";

export interface Design {
  readonly name: DesignName;
  readonly label: string;
  /** The command that loads a file of the design, with the file as its last argument. */
  readonly load: readonly string[];
  readonly render: (forwards: readonly PublishedForward[]) => string;
}

export const designs: readonly Design[] = [
  { name: "ours", label: "maps and sets (ours)", load: ["nft", "--file"], render: renderOurs },
  { name: "nft", label: "nft rule per port", load: ["nft", "--file"], render: renderNftRulePerPort },
  { name: "iptables", label: "iptables rule per port", load: ["iptables-restore"], render: renderIptables },
];

/** Where all forwards of the list go. */
export const home = { ipv4: "10.77.3.4", ipv6: "fd77::304" } as const;

/** What the last forward of every list leads to, and the one before it. */
export const targetPorts = { bytes: 40_000, streams: 39_999 } as const;

/**
 * `count` forwards whose published ports do not touch, so that no set of ranges can fold them into one. The last
 * two lead to `targetPorts`, whatever the count is.
 */
export function listForwards(count: number): PublishedForward[] {
  return Array.from({ length: count }, (_, i) => ({
    forward: parseForward(`${publishedPort(i)}:${targetPorts.bytes - (count - 1 - i)}`),
    address: home,
    ipv6: true,
  }));
}

/** The published ports of a list's last forward and of the one before it. */
export function lastPorts(count: number): { readonly bytes: number; readonly streams: number } {
  return { bytes: publishedPort(count - 1), streams: publishedPort(count - 2) };
}

function publishedPort(i: number): number {
  return 1000 + 3 * i;
}

function renderOurs(forwards: readonly PublishedForward[]): string {
  return renderRelayRuleset({
    sshPort: 22,
    sshVia: "public",
    sshPeers: [],
    adminCidrs: ["0.0.0.0/0", "::/0"].map(parsePrefix),
    listenPort: 51820,
    shared: false,
    forwards,
  });
}

/**
 * What a script that appends a rule per port comes to, at its best: open flows are accepted first, one check stands
 * before all the ports of a chain, one rule limits segments both ways, and it counts nothing.
 */
export function renderNftRulePerPort(forwards: readonly PublishedForward[]): string {
  const ports = translations(forwards);
  const dnat = ports.map(
    ({ protocol, published, address, target }) =>
      `\t\t${protocol} dport ${published} dnat ip to ${address}:${target}`,
  );
  const accept = ports.map(
    ({ protocol, address, target }) => `\t\tip daddr ${address} ${protocol} dport ${target} accept`,
  );
  return `table inet per_port
delete table inet per_port
table inet per_port {
	chain prerouting {
		type nat hook prerouting priority dstnat; policy accept;
		iifname != "homerelay" fib daddr type local jump to_home
	}
	chain to_home {
${dnat.join("\n")}
	}
	chain clamp {
		type filter hook forward priority mangle; policy accept;
		tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu
	}
	chain forward {
		type filter hook forward priority filter; policy drop;
		ct state vmap { established : accept, related : accept, invalid : drop }
		oifname "homerelay" jump admit
	}
	chain admit {
${accept.join("\n")}
	}
}
`;
}

/** The same for `iptables-restore`. */
export function renderIptables(forwards: readonly PublishedForward[]): string {
  const ports = translations(forwards);
  return [
    "*mangle",
    "-A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu",
    "COMMIT",
    "*nat",
    ":TO_HOME -",
    "-A PREROUTING ! -i homerelay -m addrtype --dst-type LOCAL -j TO_HOME",
    ...ports.map(
      ({ protocol, published, address, target }) =>
        `-A TO_HOME -p ${protocol} -m ${protocol} --dport ${published} -j DNAT --to-destination ${address}:${target}`,
    ),
    "COMMIT",
    "*filter",
    ":FORWARD DROP",
    ":ADMIT -",
    "-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
    "-A FORWARD -m conntrack --ctstate INVALID -j DROP",
    "-A FORWARD -o homerelay -j ADMIT",
    ...ports.map(
      ({ protocol, address, target }) =>
        `-A ADMIT -d ${address} -p ${protocol} -m ${protocol} --dport ${target} -j ACCEPT`,
    ),
    "COMMIT",
    "",
  ].join("\n");
}

interface Translation {
  readonly protocol: Protocol;
  readonly published: number;
  readonly address: string;
  readonly target: number;
}

/** Every single published port, in the list's order. */
function translations(forwards: readonly PublishedForward[]): Translation[] {
  return forwards.flatMap(({ forward, address }) =>
    forward.protocols.flatMap((protocol) =>
      Array.from({ length: portCount(forward.published) }, (_, i) => ({
        protocol,
        published: forward.published.first + i,
        address: address.ipv4,
        target: forward.target.first + i,
      })),
    ),
  );
}
