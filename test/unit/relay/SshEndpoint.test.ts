import { expect, test } from "@jest/globals";
import { SshEndpoint } from "../../../components/relay/SshEndpoint.ts";
import { media, nas } from "../generators/examples.ts";
import { everybody, keyPair } from "../componentArguments.ts";
import { documentOf, named, register, secretsOf, valueOf } from "../mockEngine.ts";

async function endpoint(via: "public" | "tunnel") {
  let made: SshEndpoint | undefined;
  const registered = await register(() => {
    made = new SshEndpoint("relay-ssh-endpoint", {
      title: "the relay",
      admission: { port: 2222, via, adminCidrs: everybody, peers: [nas, media] },
      publicAddress: "203.0.113.5",
      tunnelAddress: "10.77.0.1",
      privateKey: keyPair("admin").privateKey,
      hostKeys: [keyPair("host").publicKey],
      lostMend: "take a new server",
    });
  });
  if (!made) throw new Error("the endpoint was not made");
  const command = named(registered, "relay-ssh-endpoint");
  return { command, host: await valueOf(made.host), port: made.port, note: await valueOf(made.note) };
}

test("tells its program where SSH is wanted, who may come through the tunnel, and which host keys are pinned", async () => {
  const { command, host, port, note } = await endpoint("public");
  expect(command.inputs).toEqual({
    create: "node --disable-warning=ExperimentalWarning components/relay/move-ssh-endpoint.ts",
    environment: { HOMERELAY_DOCUMENT: expect.any(String) },
    stdin: { secret: expect.any(String) },
    addPreviousOutputInEnv: true,
    triggers: ["203.0.113.5"],
  });
  expect(documentOf(command)).toEqual({
    title: "the relay",
    wanted: { host: "203.0.113.5", port: 2222 },
    publicAddress: "203.0.113.5",
    sshVia: "public",
    sshPeers: ["10.77.3.4", "fd77::304", "10.77.5.6", "fd77::506"],
    user: "root",
    hostKeys: ["ssh-ed25519 AAAAhost"],
    lostMend: "take a new server",
  });
  expect(secretsOf(command)).toEqual({ loginKey: "private admin\n" });
  expect([host, port, note]).toEqual(["203.0.113.5", 2222, "said by relay-ssh-endpoint"]);
});

test("leads to the relay's address in the tunnel where SSH goes through it", async () => {
  const { command, host } = await endpoint("tunnel");
  expect(documentOf(command)).toMatchObject({
    wanted: { host: "10.77.0.1", port: 2222 },
    sshVia: "tunnel",
  });
  expect(host).toBe("10.77.0.1");
});
