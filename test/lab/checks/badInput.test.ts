import { expect, test } from "@jest/globals";
import { cloudRequests, forgetCloudRequests } from "../cloudByHand.ts";
import { raiseLab } from "../fixture.ts";
import { exec } from "../machines.ts";
import { home } from "../operator.ts";

const lab = raiseLab({ stack: "bad" });

/** How many SSH connections the home has seen. */
async function connectionsAtHome(): Promise<number> {
  const { stdout } = await exec("home", ["journalctl", "-u", "ssh", "-o", "cat", "--no-pager"]);
  return stdout.split("\n").filter((line) => /Connection|Accepted/.test(line)).length;
}

test("all problems of a stack file come in one error, with the mend, before anything is contacted", async () => {
  const nas = await home();
  await lab.operator.configure({
    relay: { sshPort: 2222, locatoin: "nbg1", adminCidrs: ["203.0.113.7/24"] },
    tunnel: { listenPort: 51820, mtu: 9000 },
    homes: [
      { ...nas, name: "Nas!" },
      {
        ...nas,
        name: "attic",
        ssh: { host: "192.168.1.11", hostKey: "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQ" },
        forwards: ["80:8080", "80:8081", "2222:22", "51820:51820/udp", "99999:80", "443:443/sctp"],
      },
    ],
    dns: { zone: "example.org", names: ["www.example.org"] },
  });
  await lab.operator.pulumi(["config", "set", "--secret", "hcloud:token"], { input: "too-short" });
  await forgetCloudRequests();
  const connections = await connectionsAtHome();

  const { code, stdout } = await lab.operator.pulumi([
    "up",
    "--yes",
    "--non-interactive",
    "--color",
    "never",
  ]);

  expect(code).not.toBe(0);
  for (const found of [
    "locatoin",
    "203.0.113.7/24",
    "203.0.113.0/24",
    "9000",
    "Nas!",
    "ssh-keyscan -t ed25519",
    '"80:8081/tcp" and "80:8080/tcp"',
    "2222:22",
    "51820:51820/udp",
    "99999",
    "sctp",
    "www.example.org",
    "64 characters",
    "pulumi config set --secret hcloud:token",
  ])
    expect(stdout).toContain(found);
  expect(stdout).not.toContain("too-short");
  expect(stdout).not.toMatch(/\.ts:\d+/);
  expect(await cloudRequests()).toEqual([]);
  expect(await connectionsAtHome()).toBe(connections);
});

test("a preview says the same as an up", async () => {
  const { code, stdout } = await lab.operator.pulumi(["preview", "--non-interactive", "--color", "never"]);
  expect(code).not.toBe(0);
  expect(stdout).toMatch(/\d+ problems in the settings/);
});
