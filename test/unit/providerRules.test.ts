import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { maxProviderRules, renderProviderRules } from "../../components/firewall/providerRules.ts";
import type { ProviderRule } from "../../components/firewall/providerRules.ts";
import { publishedPorts } from "../../components/firewall/published.ts";
import { parseForward } from "../../components/network/forward.ts";
import { parsePortRange } from "../../components/network/port.ts";
import type { Protocol } from "../../components/network/port.ts";
import { firewall, nas, toHome } from "./examples.ts";
import { everyPort, portsOf, publishedForwards } from "./publishedForwards.ts";

const everybody = ["0.0.0.0/0", "::/0"];
const protocols = ["tcp", "udp"] as const;

test("lets in ping, the operator's SSH, WireGuard and every forward", () => {
  const forward = (protocol: string, port: string) => ({
    direction: "in",
    protocol,
    port,
    sourceIps: everybody,
    description: "forwards",
  });
  expect(renderProviderRules(firewall)).toEqual([
    {
      direction: "in",
      protocol: "icmp",
      port: undefined,
      sourceIps: everybody,
      description: "ping and path MTU",
    },
    {
      direction: "in",
      protocol: "tcp",
      port: "22",
      sourceIps: ["203.0.113.0/24", "2001:db8::/32"],
      description: "SSH",
    },
    { direction: "in", protocol: "udp", port: "51820", sourceIps: everybody, description: "WireGuard" },
    forward("tcp", "80"),
    forward("tcp", "443"),
    forward("tcp", "2200-2201"),
    forward("tcp", "64738"),
    forward("udp", "50000-50002"),
    forward("udp", "64738"),
  ]);
});

test("joins the nearest ports first when there are more than Hetzner takes", () => {
  const scattered = Array.from({ length: 46 }, (_, i) => `${1000 + 10 * i}`);
  const texts = [...scattered, "5000", "5003", "5000/udp", "5002/udp"];
  const rules = forwardRules(texts);
  expect(rules).toHaveLength(47);
  expect(rules.filter((rule) => rule.includes("-"))).toEqual(
    ["tcp 5000-5003", "udp 5000-5002", "tcp 1000-1010"].sort(),
  );
});

test("never joins across protocols, however near the ports are", () => {
  const tcp = Array.from({ length: 47 }, (_, i) => `${1000 + 1000 * i}`);
  expect(forwardRules([...tcp, "47001/udp"]).slice(-2)).toEqual(["tcp 47000", "udp 47001"]);
});

test("says the same as the relay's own firewall when it fits, and is coarser but never tighter when it does not", () => {
  let fitted = 0;
  let coarser = 0;
  fc.assert(
    fc.property(publishedForwards(), (forwards) => {
      const rules = renderProviderRules({ ...firewall, forwards });
      expect(rules.length).toBeLessThanOrEqual(maxProviderRules);
      const ranges = protocols.flatMap((protocol) => publishedPorts(forwards, protocol)).length;
      const fits = ranges + 3 <= maxProviderRules;
      if (fits) fitted++;
      else coarser++;
      for (const protocol of protocols) {
        const admitted = new Set(portsAdmitted(rules, protocol));
        const published = new Set(everyPort(forwards, protocol));
        if (fits) expect(admitted).toEqual(published);
        else expect([...published].filter((port) => !admitted.has(port))).toEqual([]);
        // Joining fills gaps; it never reaches beyond a protocol's own ports.
        if (published.size > 0)
          expect([Math.min(...admitted), Math.max(...admitted)]).toEqual([
            Math.min(...published),
            Math.max(...published),
          ]);
        else expect(admitted.size).toBe(0);
      }
      if (!fits) expect(rules).toHaveLength(maxProviderRules);
    }),
  );
  expect(Math.min(fitted, coarser)).toBeGreaterThan(0);
});

function forwardRules(texts: readonly string[]): string[] {
  return renderProviderRules({ ...firewall, forwards: toHome(nas, texts.map(parseForward)) })
    .filter(({ description }) => description === "forwards")
    .map(({ protocol, port }) => `${protocol} ${port ?? ""}`);
}

function portsAdmitted(rules: readonly ProviderRule[], protocol: Protocol): number[] {
  return rules
    .filter((rule) => rule.description === "forwards" && rule.protocol === protocol)
    .flatMap(({ port }) => portsOf(parsePortRange(port ?? "")));
}
