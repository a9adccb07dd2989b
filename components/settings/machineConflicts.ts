import type { SshAccess } from "../network/sshAccess.ts";
import { isWithin } from "./isWithin.ts";
import { known } from "./place.ts";
import type { Known } from "./place.ts";
import type { Written } from "./written.ts";

/** Each end sets up its machine as its own, so one machine can be one end only. */
export function refuseMachineConflicts(written: Written): void {
  refuseSecondLocal(written);
  refuseSharedMachines(written);
}

/** There is one machine that runs this program. */
function refuseSecondLocal({ homes }: Written): void {
  const [first, ...others] = homes.filter(({ value }) => value.install === "local");
  for (const { place } of others)
    place
      .at("install")
      .refuse(
        `makes this machine a second home, after ${first?.place.path ?? ""}; found local in both`,
        "write one home with the forwards of both, or install: ssh for the one that is another machine",
      );
}

function refuseSharedMachines({ homes, relay }: Written): void {
  const first = new Map<string, string>();
  const own = relay.value?.machine;
  if (own !== undefined) first.set(renderMachine(own), relay.place.path);
  for (const { value: home, place } of homes) {
    const ssh = known<SshAccess>(home.ssh);
    if (ssh.host === undefined || ssh.port === undefined) continue;
    const machine = renderMachine(ssh);
    const before = first.get(machine);
    if (before === undefined) first.set(machine, place.path);
    else
      place
        .at("ssh")
        .at("host")
        .refuse(
          `is the machine of ${before}; found "${ssh.host}" port ${ssh.port} in both`,
          "a machine is one home, with all of its forwards, and no relay besides: remove one of the two",
        );
  }
}

/** With the key: one private address behind two jump hosts is two machines. */
function renderMachine({ host, port, hostKey }: Pick<Known<SshAccess>, "host" | "port" | "hostKey">): string {
  return [host, port, hostKey].map(String).join(" ").toLowerCase();
}

/** With its LAN inside the tunnel's prefix, a home would send its LAN's traffic into the tunnel. */
export function refuseHomesInTunnel({ homes, tunnel }: Written): void {
  const prefixes = [tunnel.value.prefix4, tunnel.value.prefix6];
  for (const { value: home, place } of homes) {
    const { host } = known<SshAccess>(home.ssh);
    const inside = prefixes.find((prefix) => isWithin(host, prefix));
    if (inside !== undefined)
      place
        .at("ssh")
        .at("host")
        .refuse(
          `lies within the tunnel's own addresses, ${inside.text}; found "${host ?? ""}"`,
          "give the tunnel addresses that your LAN does not use, with " +
            tunnel.place.at(`prefix${inside.family}`).path,
        );
  }
}
