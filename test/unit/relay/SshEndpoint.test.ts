import { expect, test } from "@jest/globals";
import { SshEndpoint } from "../../../components/relay/SshEndpoint.ts";
import { media, nas } from "../generators/examples.ts";
import { everybody, relayKeys } from "../componentArguments.ts";
import { documentOf, named, register, secretsOf, valueOf } from "../mockEngine.ts";

async function endpoint(via: "public" | "tunnel", { generation = 1, said = "" } = {}) {
  let made: SshEndpoint | undefined;
  const answers = said === "" ? {} : { "relay-ssh-endpoint": { stdout: said } };
  const registered = await register(
    () => {
      made = new SshEndpoint("relay-ssh-endpoint", {
        title: "the relay",
        admission: { port: 2222, via, adminCidrs: everybody, peers: [nas, media] },
        publicAddress: "203.0.113.5",
        tunnelAddress: "10.77.0.1",
        keys: relayKeys(generation),
        lostMend: "take a new server",
      });
    },
    {},
    [],
    answers,
  );
  if (!made) throw new Error("the endpoint was not made");
  const command = named(registered, "relay-ssh-endpoint");
  const [host, note, hostKeys] = await Promise.all([
    valueOf(made.host),
    valueOf(made.note),
    valueOf(made.hostKeys),
  ]);
  return { command, host, port: made.port, note, hostKeys };
}

test("tells its program where SSH is wanted, who may come through the tunnel, and which host keys are pinned", async () => {
  const { command, host, port, note, hostKeys } = await endpoint("public");
  expect(command.inputs).toEqual({
    create: "node --disable-warning=ExperimentalWarning components/relay/move-ssh-endpoint.ts",
    environment: { HOMERELAY_DOCUMENT: expect.any(String) },
    stdin: { secret: expect.any(String) },
    addPreviousOutputInEnv: true,
    logging: "stderr",
    triggers: ["203.0.113.5"],
  });
  expect(documentOf(command)).toEqual({
    title: "the relay",
    wanted: { host: "203.0.113.5", port: 2222 },
    publicAddress: "203.0.113.5",
    sshVia: "public",
    sshPeers: ["10.77.3.4", "fd77::304", "10.77.5.6", "fd77::506"],
    user: "root",
    keys: { admin: "ssh-ed25519 AAAAadmin", host: "ssh-ed25519 AAAAhost" },
    firstKeys: { admin: "ssh-ed25519 AAAAadmin", host: "ssh-ed25519 AAAAhost" },
    lostMend: "take a new server",
  });
  expect(secretsOf(command)).toEqual({
    loginKey: "private admin\n",
    firstLoginKey: "private admin\n",
    noteSecret: "note secret",
  });
  expect([host, port, note]).toEqual(["203.0.113.5", 2222, "said by relay-ssh-endpoint"]);
  expect(hostKeys).toEqual(["ssh-ed25519 AAAAhost"]);
});

test("leads to the relay's address in the tunnel where SSH goes through it", async () => {
  const { command, host } = await endpoint("tunnel");
  expect(documentOf(command)).toMatchObject({
    wanted: { host: "10.77.0.1", port: 2222 },
    sshVia: "tunnel",
  });
  expect(host).toBe("10.77.0.1");
});

test("of another generation names its keys and those of the first, and tells on what was noted but for the sealed key", async () => {
  const said = [
    "203.0.113.5 2222",
    "login-key ssh-ed25519 AAAAadmin2 sealed=",
    "host-key ssh-ed25519 AAAAhost2 1",
    "host-key ssh-ed25519 AAAAhost",
  ];
  const { command, note, hostKeys } = await endpoint("public", { generation: 2, said: said.join("\n") });
  expect(documentOf(command)).toMatchObject({
    keys: { admin: "ssh-ed25519 AAAAadmin2", host: "ssh-ed25519 AAAAhost2" },
    firstKeys: { admin: "ssh-ed25519 AAAAadmin", host: "ssh-ed25519 AAAAhost" },
  });
  expect(secretsOf(command)).toMatchObject({
    loginKey: "private admin2\n",
    firstLoginKey: "private admin\n",
  });
  expect(note).toBe([said[0], ...said.slice(2)].join("\n"));
  expect(hostKeys).toEqual(["ssh-ed25519 AAAAhost2 1", "ssh-ed25519 AAAAhost"]);
});
