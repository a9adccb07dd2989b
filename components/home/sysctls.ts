import { udpFlowSeconds } from "../network/ourNumbers.ts";
import { endsAtHome } from "../network/forward.ts";
import type { Forward } from "../network/forward.ts";
import { renderPortRange } from "../network/port.ts";
import { openPorts, passesOn } from "./guard.ts";
import type { AdmittedDevice } from "./deviceRules.ts";

/**
 * The kernel settings that the home needs, for kernel-settings.sh. Marked packets must pass the reverse path filter by
 * their mark; the kernel must give no forwarded UDP port to a program of the home's own, which strangers could then
 * reach; and a home with machines behind it, or devices that go to the internet through it, has to pass packets on. A
 * home without IPv6 then says so to such a device, which would else wait.
 *
 * With UDP, the tracker remembers as long as the relay's. It does not verify checksums: what it has verified counts as
 * broken once the guard has changed an address, though the guard changes the checksum as well.
 */
export function renderSysctls(forwards: readonly Forward[], devices: readonly AdmittedDevice[] = []): string {
  const reserved = openPorts(forwards.filter(endsAtHome), "udp").map(renderPortRange).join(",");
  const isExit = devices.some(({ exits }) => exits);
  return [
    "net.ipv4.conf.all.src_valid_mark=1",
    ...(reserved === ""
      ? []
      : [
          `net.ipv4.ip_local_reserved_ports+=${reserved}`,
          "-net.netfilter.nf_conntrack_checksum=0",
          `-net.netfilter.nf_conntrack_udp_timeout_stream>=${udpFlowSeconds}`,
        ]),
    ...(passesOn(forwards, devices) ? ["net.ipv4.ip_forward=1"] : []),
    ...(isExit ? ["net.ipv6.conf.all.forwarding=1"] : []),
    "",
  ].join("\n");
}
