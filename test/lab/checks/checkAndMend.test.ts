import { beforeAll, describe, expect, test } from "@jest/globals";
import { callCloud, inCloud } from "../cloudByHand.ts";
import { raiseLab } from "../fixture.ts";
import { mendAgain, pauseMending } from "../mending.ts";
import { home, zone } from "../operator.ts";
import { pageOf, shell } from "../people.ts";
import type { Result } from "../shell.ts";

const forwards = ["80:8080", "443:8081", "64738:64738/tcp+udp"];

const lab = raiseLab({
  stack: "check",
  packages: { home: ["ufw"] },
  settings: async () => ({
    homes: [await home(forwards)],
    dns: { provider: "hetzner", zone, createZone: true, names: ["@", "www"] },
  }),
  up: true,
});

const check = (...words: readonly string[]) => lab.operator.check(words);

/** Lines of it that name a difference. */
const differencesIn = ({ stdout }: Result) =>
  stdout.split("\n").filter((line) => /^ {2}(relay|nas|Hetzner|names): /.test(line));

describe("a stack that is as it should be", () => {
  test("is one screen, and ends well", async () => {
    const { code, stdout } = await check();
    expect([code, stdout]).toEqual([0, expect.stringContaining("All is as the stack wants it")]);
    expect(stdout.split("\n").length).toBeLessThanOrEqual(24);
  });
});

/** What others have, at both ends and at the cloud, that must be left as it is. */
async function others(): Promise<readonly string[]> {
  const look = `
    nft --stateless list table inet theirs 2>/dev/null
    cat /etc/sysctl.d/99-theirs.conf 2>/dev/null
    ip rule show | grep 'lookup 4242' || :
    find /etc /usr/local /var/lib/homerelay -xdev -type f ! -path '/etc/homerelay/*' ! -path '*homerelay*' -exec sha256sum {} + | sort -k 2`;
  return Promise.all([shell("home", look), shell(lab.relay, look)]);
}

const atHome = `
  systemctl disable --quiet homerelay-mend.timer
  echo '# by hand' >>/etc/homerelay/firewall.nft
  rm /etc/homerelay/relay.nft
  chmod 0600 /usr/local/lib/homerelay/load-firewall.sh
  rm /etc/systemd/system/homerelay-sysctl.service
  echo stranger >/etc/homerelay/keys/another
  sysctl -qw net.ipv4.conf.all.src_valid_mark=0
  echo 'net.ipv4.conf.all.src_valid_mark = 0' >/etc/sysctl.d/99-theirs.conf
  nft add table inet theirs; nft add chain inet theirs own
  ip rule add priority 4242 lookup 4242`;

const atRelay = `
  systemctl disable --quiet homerelay-mend.timer
  sed -i 's/^X11Forwarding no$/X11Forwarding yes/' /etc/ssh/sshd_config.d/10-homerelay.conf
  sed -i 's/^#!.*/&\\n# by hand/' /usr/local/lib/homerelay/confirm-firewall.sh
  rm /etc/homerelay/homes
  sysctl -qw net.ipv4.ip_forward=0
  nft add table inet theirs; nft add chain inet theirs own`;

async function breakTheCloud(): Promise<void> {
  const [firewall] = (await inCloud())["firewalls"] ?? [];
  const anybody = ["0.0.0.0/0", "::/0"];
  const rule = (protocol: string, port: string) => ({ direction: "in", protocol, port, source_ips: anybody });
  await callCloud("POST", `/firewalls/${firewall?.id}/actions/set_rules`, {
    rules: [
      rule("tcp", "22"),
      rule("udp", "51820"),
      rule("tcp", "80"),
      rule("tcp", "9999"),
      rule("tcp", "64738"),
    ],
  });
  await callCloud("POST", `/zones/${zone}/rrsets/www/A/actions/set_records`, {
    records: [{ value: "203.0.113.99" }],
  });
  await callCloud("DELETE", `/zones/${zone}/rrsets/@/AAAA`);
}

describe("a dozen differences at once", () => {
  let before: readonly string[];
  let found: Result;
  let mended: Result;

  beforeAll(async () => {
    for (const place of ["home", lab.relay] as const) await pauseMending(place);
    await shell("home", atHome);
    await shell(lab.relay, atRelay);
    await breakTheCloud();
    before = await others();
    found = await check();
    mended = await check("--mend");
    for (const place of ["home", lab.relay] as const) await mendAgain(place);
  });

  test("are each named", () => {
    expect(found.code).toBe(1);
    expect(differencesIn(found)).toMatchSnapshot();
  });

  test("are put right, and nothing else is touched", async () => {
    expect(mended.code).toBe(0);
    expect(await others()).toEqual(before);
    expect((await check()).code).toBe(0);
    expect(await pageOf(`https://${lab.published[4]}/`)).toContain("You are");
  });
});

describe("another firewall at home", () => {
  test("is named with its mend", async () => {
    await shell("home", "ufw allow 22/tcp && ufw --force enable");
    const { code, stdout } = await check();
    await shell("home", "ufw allow in on homerelay");
    const after = await check();
    await shell("home", "ufw --force disable");
    expect(code).toBe(1);
    expect(stdout).toContain(
      "  443/tcp -> nas:8081\n  64738/tcp -> nas:64738\n  64738/udp -> nas:64738\n" +
        "    reaches the relay, Hetzner's firewall lets it in, comes out of the tunnel at nas, whose ufw swallows it\n" +
        "    -> on nas: ufw allow in on homerelay\n",
    );
    expect(after.code).toBe(0);
  });
});

describe("a service that is stopped", () => {
  test("is said to be not there, and how to go on", async () => {
    await shell("home", "systemctl stop lab-page.service");
    const { code, stdout } = await check();
    await shell("home", "systemctl start lab-page.service");
    expect(code).toBe(1);
    expect(stdout).toContain(
      "  443/tcp -> nas:8081\n    the way is free, but nothing listens on 8081 at home\n    -> start the service on nas",
    );
  });
});
