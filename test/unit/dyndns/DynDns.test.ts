import { beforeAll, describe, expect, test } from "@jest/globals";
import { DynDns } from "../../../components/dyndns/DynDns.ts";
import type { DynDnsArgs } from "../../../components/dyndns/DynDns.ts";
import { relayHost } from "../componentArguments.ts";
import { named, plainTexts, register, tree } from "../mockEngine.ts";
import type { Registered } from "../mockEngine.ts";

const component = "homerelay:dyndns:DynDns relay-dyndns";
const duckdns = { provider: "duckdns", names: ["myhome.duckdns.org"], token: "a1b2-c3" } as const;

function program(service: DynDnsArgs["service"]): Promise<Registered[]> {
  const addresses = { ipv4Address: "203.0.113.5", ipv6Address: "2001:db8:77::1" };
  return register(
    () => new DynDns("relay-dyndns", { host: relayHost(), service, section: "home-relay:dns", ...addresses }),
  );
}

const own = (registered: readonly Registered[]) => tree(registered).filter((line) => line.includes("dyndns"));

describe("with a service that knows us by a secret", () => {
  let registered: readonly Registered[];

  beforeAll(async () => {
    registered = await program(duckdns);
  });

  test("is the secret, then the requests", () => {
    expect(own(registered)).toEqual([
      component,
      `command:remote:Command relay-dyndns-secret < ${component}`,
      `command:remote:Command relay-dyndns-updates < ${component}`,
    ]);
    expect(named(registered, "relay-dyndns-secret").dependsOn).toEqual(["relay-prepare"]);
    expect(named(registered, "relay-dyndns-updates").dependsOn).toEqual([
      "relay-dyndns-secret",
      "relay-prepare",
    ]);
  });

  test("the secret travels in a secret document, and stands nowhere in clear", () => {
    const { inputs } = named(registered, "relay-dyndns-secret");
    expect([inputs["create"], inputs["stdin"]]).toEqual([
      "timeout 300 /usr/local/lib/homerelay/store-dyndns-secret.sh",
      { secret: "a1b2-c3\n#end\n" },
    ]);
    const clear = registered.flatMap((one) => plainTexts(one.inputs)).join("\n");
    expect(clear).toContain("myhome.duckdns.org");
    expect(clear).not.toContain("a1b2-c3");
  });

  test("both are sent again when the host was prepared again: what they had done may have gone meanwhile", () => {
    for (const step of ["secret", "updates"])
      expect(named(registered, `relay-dyndns-${step}`).inputs["triggers"]).toContain("said by relay-prepare");
  });

  test("the requests are plain, and sent again when nothing but the secret is another one", () => {
    const { inputs, replaceWith } = named(registered, "relay-dyndns-updates");
    expect(inputs["create"]).toBe("timeout 900 /usr/local/lib/homerelay/apply-dyndns.sh");
    expect(inputs["stdin"]).toBe(`\
provider duckdns
settings home-relay:dns
secret token
request myhome.duckdns.org 203.0.113.5,2001:db8:77::1 https://www.duckdns.org/update?domains=myhome&token={token}&ip=203.0.113.5&ipv6=2001:db8:77::1
#end
`);
    expect(replaceWith).toEqual(["relay-dyndns-secret"]);
    expect(named(registered, "relay-dyndns-secret").replaceOnChanges).toContain("stdin");
  });
});

test("without a secret is the requests alone", async () => {
  const registered = await program({
    provider: "url",
    url: "https://dns.example.net/?ip={ip}",
    secretUrl: false,
    names: [],
    expect: undefined,
    token: undefined,
  });
  expect(own(registered)).toEqual([component, `command:remote:Command relay-dyndns-updates < ${component}`]);
  expect(named(registered, "relay-dyndns-updates").dependsOn).toEqual(["relay-prepare"]);
});
