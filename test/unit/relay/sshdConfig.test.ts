import { expect, test } from "@jest/globals";
import { renderSharedSshdConfig } from "../../../components/relay/sshdConfig.ts";

test("sshd of a machine that was there before takes keys alone, at its own port and from its own users", () => {
  expect(renderSharedSshdConfig()).toMatchInlineSnapshot(`
    "# Written by home-relay.
    # sshd takes the first value that it reads, and reads this file early. Whoever wants something stricter than a line
    # here says removes that line.
    PermitRootLogin prohibit-password
    PasswordAuthentication no
    KbdInteractiveAuthentication no
    "
  `);
});
