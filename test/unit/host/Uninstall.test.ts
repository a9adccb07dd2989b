import { expect, test } from "@jest/globals";
import { Uninstall } from "../../../components/host/Uninstall.ts";
import {
  operatorAccess,
  operatorEnvironment,
  owner,
  ownerEnvironment,
  passwordAccess,
  passwordEnvironment,
} from "../componentArguments.ts";
import { named, register, tree } from "../mockEngine.ts";

test("does nothing until it is deleted, and then names itself for whoever gives the home up", async () => {
  const registered = await register(
    () => new Uninstall("nas", { access: operatorAccess, owner, script: "home/uninstall-home.sh" }),
  );
  expect(tree(registered)).toEqual([
    "homerelay:host:Uninstall nas",
    "command:local:Command nas-on-destroy < homerelay:host:Uninstall nas",
  ]);
  expect(named(registered, "nas-on-destroy").inputs).toEqual({
    create: "true",
    delete: "sh components/host/uninstall-host.sh components/home/uninstall-home.sh",
    environment: {
      ...operatorEnvironment,
      ...ownerEnvironment,
      NAME: "nas",
      URN: expect.stringMatching(
        /^urn:pulumi:[^:]+::[^:]+::homerelay:host:Uninstall\$command:local:Command::nas-on-destroy$/,
      ),
    },
    addPreviousOutputInEnv: false,
  });
});

test("brings the password on stdin, and secret", async () => {
  const registered = await register(
    () => new Uninstall("nas", { access: passwordAccess, owner, script: "home/uninstall-home.sh" }),
  );
  const { inputs } = named(registered, "nas-on-destroy");
  expect(inputs["environment"]).toMatchObject(passwordEnvironment);
  expect(inputs["stdin"]).toEqual({ secret: "password nas" });
});

test("cleans the very machine that runs the program without any address", async () => {
  const registered = await register(
    () => new Uninstall("nas", { access: "here", owner, script: "home/uninstall-home.sh" }),
  );
  expect(named(registered, "nas-on-destroy").inputs["environment"]).toEqual({
    WAY: "here",
    JUMP_HOST: "",
    ...ownerEnvironment,
    NAME: "nas",
    URN: expect.any(String),
  });
});
