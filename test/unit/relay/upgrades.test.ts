import { expect, test } from "@jest/globals";
import { renderUpgrades } from "../../../components/relay/upgrades.ts";

test("a server of ours takes security updates, and the reboot that a new kernel needs, at night", () => {
  expect(renderUpgrades({ isShared: false })).toMatchInlineSnapshot(`
    "// Written by home-relay.
    APT::Periodic::Update-Package-Lists "1";
    APT::Periodic::Unattended-Upgrade "1";
    Unattended-Upgrade::Automatic-Reboot "true";
    Unattended-Upgrade::Automatic-Reboot-Time "04:30";
    Unattended-Upgrade::Remove-Unused-Kernel-Packages "true";
    "
  `);
});

test("a machine that was there before takes security updates, and restarts when its owner says so", () => {
  expect(renderUpgrades({ isShared: true })).toMatchInlineSnapshot(`
    "// Written by home-relay.
    APT::Periodic::Update-Package-Lists "1";
    APT::Periodic::Unattended-Upgrade "1";
    "
  `);
});
