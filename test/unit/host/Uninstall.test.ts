import { expect, test } from "@jest/globals";
import { Uninstall } from "../../../components/host/Uninstall.ts";
import {
  describedAccess,
  describedPasswordAccess,
  machine,
  operatorAccess,
  owner,
  passwordAccess,
} from "../componentArguments.ts";
import { documentOf, named, register, secretsOf, tree } from "../mockEngine.ts";

test("does nothing until it is deleted, and then names itself for whoever gives the home up", async () => {
  const registered = await register(
    () =>
      new Uninstall(
        "home-nas-uninstall",
        { title: "nas", nameOnHost: "nas", access: operatorAccess, owner, script: "home/uninstall-home.sh" },
        { parent: machine() },
      ),
  );
  expect(tree(registered)).toEqual([
    "homerelay:test:Machine machine",
    "command:local:Command home-nas-uninstall < homerelay:test:Machine machine",
  ]);
  const command = named(registered, "home-nas-uninstall");
  expect(command.inputs).toEqual({
    create: "exit 0",
    delete: "node --disable-warning=ExperimentalWarning components/host/uninstall-host.ts",
    environment: { HOMERELAY_DOCUMENT: expect.any(String) },
    addPreviousOutputInEnv: false,
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

test("brings the password on stdin, and secret", async () => {
  const registered = await register(
    () =>
      new Uninstall("home-nas-uninstall", {
        title: "nas",
        nameOnHost: "nas",
        access: passwordAccess,
        owner,
        script: "home/uninstall-home.sh",
      }),
  );
  const command = named(registered, "home-nas-uninstall");
  expect(documentOf(command)["access"]).toEqual(describedPasswordAccess);
  expect(secretsOf(command)).toEqual({ password: "password nas" });
});

test("cleans the very machine that runs the program without any address", async () => {
  const registered = await register(
    () =>
      new Uninstall("home-nas-uninstall", {
        title: "nas",
        nameOnHost: "nas",
        access: "here",
        owner,
        script: "home/uninstall-home.sh",
      }),
  );
  expect(documentOf(named(registered, "home-nas-uninstall"))["access"]).toEqual({ way: "here" });
});
