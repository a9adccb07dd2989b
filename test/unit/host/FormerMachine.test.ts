import { expect, test } from "@jest/globals";
import { FormerMachine } from "../../../components/host/FormerMachine.ts";
import type { CleaningArgs } from "../../../components/host/Uninstall.ts";
import {
  describedAccess,
  describedPasswordAccess,
  earlier,
  machine,
  operatorAccess,
  owner,
  passwordAccess,
} from "../componentArguments.ts";
import { documentOf, named, register, secretsOf } from "../mockEngine.ts";

const make = (access: CleaningArgs["access"]) =>
  register(
    () =>
      new FormerMachine(
        "home-nas-former-machine",
        {
          ...{ title: "nas", nameOnHost: "nas", access, owner, script: "home/uninstall-home.sh" },
          noteSecret: "private admin",
        },
        { parent: machine(), dependsOn: [earlier("nas-tunnel")] },
      ),
  );

test("notes which machine a host is, when that has taken over, and goes by the note when it is another one", async () => {
  const command = named(await make(operatorAccess), "home-nas-former-machine");
  expect(command.dependsOn).toEqual(["nas-tunnel"]);
  expect(command.inputs).toEqual({
    create: "node --disable-warning=ExperimentalWarning components/host/clean-former.ts",
    environment: { HOMERELAY_DOCUMENT: expect.any(String) },
    stdin: { secret: expect.any(String) },
    addPreviousOutputInEnv: true,
  });
  expect(documentOf(command)).toEqual({
    title: "nas",
    nameOnHost: "nas",
    access: describedAccess,
    stackId: "0123456789abcdef",
    urn: command.urn,
    script: "home/uninstall-home.sh",
  });
});

test("brings the password on stdin, and what it is sealed with for the next run, both secret", async () => {
  const command = named(await make(passwordAccess), "home-nas-former-machine");
  expect(documentOf(command)["access"]).toEqual(describedPasswordAccess);
  expect(secretsOf(command)).toEqual({ password: "password nas", noteSecret: "private admin" });
});
