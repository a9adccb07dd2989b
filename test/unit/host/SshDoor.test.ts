import { expect, test } from "@jest/globals";
import { SshDoor } from "../../../components/host/SshDoor.ts";
import { media, nas } from "../generators/examples.ts";
import { keyPair } from "../componentArguments.ts";
import { named, register, valueOf } from "../mockEngine.ts";

async function door(sshVia: "public" | "tunnel") {
  let made: SshDoor | undefined;
  const registered = await register(() => {
    made = new SshDoor("relay-ssh-door", {
      title: "the relay",
      sshPort: 2222,
      sshVia,
      sshPeers: [nas, media],
      publicAddress: "203.0.113.5",
      tunnelAddress: "10.77.0.1",
      privateKey: keyPair("admin").privateKey,
      hostKeys: [keyPair("first").publicKey, keyPair("host").publicKey],
    });
  });
  if (!made) throw new Error("the door was not made");
  const { inputs } = named(registered, "relay-ssh-door");
  return { inputs, host: await valueOf(made.host), port: made.port, note: await valueOf(made.note) };
}

test("tells its script where SSH is wanted, who may come through the tunnel, and which host keys are pinned", async () => {
  const { inputs, host, port, note } = await door("public");
  expect(inputs).toEqual({
    create: "sh components/host/move-ssh-door.sh",
    environment: {
      WAY: "ssh",
      JUMP_HOST: "",
      NAME: "the relay",
      DOOR: "203.0.113.5 2222",
      PUBLIC_ADDRESS: "203.0.113.5",
      SSH_VIA: "public",
      SSH_PEERS: "10.77.3.4 fd77::304 10.77.5.6 fd77::506",
      LOGIN: "root",
      HOST_KEYS: "ssh-ed25519 AAAAfirst\nssh-ed25519 AAAAhost",
    },
    stdin: { secret: "private admin\n" },
    addPreviousOutputInEnv: true,
    triggers: ["203.0.113.5"],
  });
  expect([host, port, note]).toEqual(["203.0.113.5", 2222, "said by relay-ssh-door"]);
});

test("leads to the relay's address in the tunnel where SSH goes through it", async () => {
  const { inputs, host } = await door("tunnel");
  expect(inputs["environment"]).toMatchObject({ DOOR: "10.77.0.1 2222", SSH_VIA: "tunnel" });
  expect(host).toBe("10.77.0.1");
});
