import { udpFlowSeconds } from "../network/ourNumbers.ts";

/**
 * The relay's kernel settings, for kernel-settings.sh.
 *
 * The connection tracker is sized for thousands of connections a second on a server with 2 GB. One that was properly
 * closed is remembered for 30 seconds, where the kernel's own 120 would hold 131,072 entries to 1,090 a second: 262,144
 * entries are good for 8,700. In 30 seconds an end whose last packet was lost has repeated it seven times. An entry takes
 * up to 400 bytes, so a full table 105 MB, and its 262,144 buckets 2 MB; without them each lookup would go through a long
 * chain. An idle TCP connection is forgotten after 2 h 4 min, the shortest that RFC 5382 allows, and a UDP flow (a game, a
 * call) after 3 min in place of 2.
 *
 * `isShared`: the machine was there before, and other things run on it. It may have more room, and keeps it. A time that
 * is shortened is one where the kernel's own is in force; another one was somebody's choice, and stays.
 */
export function renderRelaySysctls({ isShared }: { readonly isShared: boolean }): string {
  const atLeast = isShared ? ">=" : "=";
  const insteadOf = (kernels: number) => (isShared ? `?${kernels}=` : "=");
  return [
    "net.ipv4.ip_forward=1",
    "-net.ipv6.conf.all.forwarding=1",
    `-net.netfilter.nf_conntrack_buckets${atLeast}262144`,
    `-net.netfilter.nf_conntrack_max${atLeast}262144`,
    `-net.netfilter.nf_conntrack_tcp_timeout_established${insteadOf(432000)}7440`,
    `-net.netfilter.nf_conntrack_tcp_timeout_time_wait${insteadOf(120)}30`,
    `-net.netfilter.nf_conntrack_udp_timeout_stream${atLeast}${udpFlowSeconds}`,
    "",
  ].join("\n");
}
