/** What the relay tells a DynDNS service, where no service is; what services answer is the lab's matter. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { renderUpdates } from "../../../components/dyndns/updates.ts";
import type { DynDnsService } from "../../../components/network/dynDnsService.ts";
import { BareHost } from "../host/bareHost.ts";

const components = join(__dirname, "../../../components");
const lib = "/usr/local/lib/homerelay";
const duckdns: DynDnsService = {
  provider: "duckdns",
  names: ["my.duckdns.org", "own.duckdns.org"],
  token: "s3",
};
const dyndns2: DynDnsService = {
  ...{ provider: "dyndns2", server: "https://dyn.example.net/nic/update" },
  ...{ user: "me", password: "s3", names: ["home.example.net"] },
};
const ipv6 = "2001:db8:77::1";

let host: BareHost;
beforeEach(() => {
  host = new BareHost();
  for (const file of ["host/messages.sh", "host/files.sh", "dyndns/update-dyndns.sh"])
    host.write(`${lib}/${file.replace(/.*\//, "")}`, readFileSync(join(components, file), "utf8"));
  host.stub(
    "curl",
    `sed -n 's/^url = /asked /p' >>/calls
     while [ "$1" != --output ]; do shift; done
     echo "$([ -f /answer ] && cat /answer || echo OK)" >"$2"; printf 200`,
  );
  host.stub("getent", "cat /addresses 2>/dev/null");
});
afterEach(() => host.remove());

/** The requests in order, each after 4 where it may go over IPv4 alone; and what was said. */
function tell(service: DynDnsService, mode: "now" | "timer", toldIpv6?: string) {
  const addresses = { ipv4: "203.0.113.5", ipv6: toldIpv6 };
  host.write("/etc/homerelay/dyndns/requests", renderUpdates(service, addresses, "home-relay:dns"));
  host.write("/etc/homerelay/dyndns/secret", "s3\n");
  const { status, said } = host.run(["bash", `${lib}/update-dyndns.sh`, mode], "");
  let over = "";
  const asked = host.calls().flatMap((line) => {
    if (line.startsWith("curl ")) over = line.includes(" --ipv4 ") ? "4 " : "";
    return line.startsWith("asked ") ? [over + line.slice('asked "https://'.length, -1)] : [];
  });
  return { status, said, asked };
}

const update = "www.duckdns.org/update?domains=my,own&token=s3&ip=203.0.113.5";

describe("a service that takes the caller's address for one that it is not told", () => {
  test("is called over IPv4 alone where it is told no IPv6 address", () => {
    const asked = "dyn.example.net/nic/update?hostname=home.example.net&myip=203.0.113.5";
    host.write("/answer", "good 203.0.113.5");
    expect(tell(dyndns2, "now").asked).toEqual([`4 ${asked}`]);
    expect(tell(dyndns2, "now", ipv6).asked).toEqual([`${asked},${ipv6}`]);
  });
});

describe("DuckDNS, which keeps an IPv6 address until it is told to clear it", () => {
  const kept = "2001:db8::9     STREAM my.duckdns.org\n";
  const mapped = "::ffff:203.0.113.5 STREAM my.duckdns.org\n";

  test("is told to where a name has one and is to have none, and then where the names lead", () => {
    host.write("/addresses", mapped + kept);
    expect(tell(duckdns, "now")).toEqual({
      status: 0,
      said:
        "my.duckdns.org,own.duckdns.org: www.duckdns.org keeps an IPv6 address from before, which goes\n" +
        "my.duckdns.org,own.duckdns.org: www.duckdns.org has 203.0.113.5\n",
      asked: [`4 ${update}&clear=true`, `4 ${update}`],
    });
  });

  test.each([
    ["has none", "now", mapped, undefined],
    ["is known to nobody", "now", "", undefined],
    ["is told one", "now", kept, ipv6],
    ["is only told again by the timer", "timer", kept, undefined],
  ] as const)("is told nothing of it where a name %s", (_, mode, found, told) => {
    host.write("/addresses", found);
    const { asked } = tell(duckdns, mode, told);
    expect(asked).toEqual([told === undefined ? `4 ${update}` : `${update}&ipv6=${told}`]);
  });
});
