import { renderDocument } from "../network/document.ts";
import { relaySysctls } from "./sysctls.ts";

/** Before all that the machine's own files say: sshd keeps the first value that it reads. Other users stay. */
const sshdConfig = `# Written by home-relay.
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
`;

/** Security updates by themselves. When the machine may be restarted is for its owner to say. */
const upgradesConfig = `// Written by home-relay.
APT::Periodic::Update-Package-Lists "1";
APT::Periodic::Unattended-Upgrade "1";
`;

/**
 * The document of harden-relay.sh, for a machine that was there before. `byPassword`: this program itself comes in by
 * one, and must not take it from itself.
 */
export function renderHardening({ byPassword }: { readonly byPassword: boolean }): string {
  return renderDocument([
    { name: "sysctls", text: relaySysctls },
    { name: "upgrades", text: upgradesConfig },
    ...(byPassword ? [] : [{ name: "sshd", text: sshdConfig }]),
  ]);
}
