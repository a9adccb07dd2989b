import { expect, test } from "@jest/globals";
import { FormerMachine } from "../../../components/host/FormerMachine.ts";
import type { UninstallArgs } from "../../../components/host/Uninstall.ts";
import {
  earlier,
  operatorAccess,
  operatorEnvironment,
  owner,
  ownerEnvironment,
  passwordAccess,
} from "../componentArguments.ts";
import { named, register, tree } from "../mockEngine.ts";

const make = (access: UninstallArgs["access"]) =>
  register(
    () =>
      new FormerMachine("nas", {
        access,
        owner,
        script: "home/uninstall-home.sh",
        after: [earlier("nas-tunnel")],
      }),
  );

test("notes which machine a host is, when that has taken over, and goes by the note when it is another one", async () => {
  const { inputs, dependsOn } = named(await make(operatorAccess), "nas-former-machine");
  expect(dependsOn).toEqual(["nas-tunnel"]);
  expect(inputs).toEqual({
    create: "sh components/host/clean-former.sh components/home/uninstall-home.sh",
    environment: {
      ...operatorEnvironment,
      ...ownerEnvironment,
      NAME: "nas",
      URN: expect.stringMatching(
        /^urn:pulumi:[^:]+::[^:]+::homerelay:host:FormerMachine\$command:local:Command::nas-former-machine$/,
      ),
    },
    addPreviousOutputInEnv: true,
  });
});

test("brings the password on stdin, and secret", async () => {
  const { inputs } = named(await make(passwordAccess), "nas-former-machine");
  expect(inputs["stdin"]).toEqual({ secret: "password nas" });
});

test("has nothing to tell the machine by that runs the program", async () => {
  expect(tree(await make("here")).slice(1)).toEqual(["homerelay:host:FormerMachine nas"]);
});
