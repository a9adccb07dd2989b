/**
 * The relay's kernel settings, for kernel-settings.sh. The connection tracker is sized for a server with 1-2 GB: an
 * entry takes about 300 bytes, so 131,072 of them 40 MB; an idle TCP connection is forgotten after 2 h 4 min, the
 * shortest that RFC 5382 allows, and a UDP flow (a game, a call) after 3 min in place of 2.
 *
 * `isShared`: the machine was there before, and other things run on it. It may have more, and keeps it.
 */
export function renderRelaySysctls({ isShared }: { readonly isShared: boolean }): string {
  const is = isShared ? ">=" : "=";
  return [
    "net.ipv4.ip_forward=1",
    "-net.ipv6.conf.all.forwarding=1",
    `-net.netfilter.nf_conntrack_max${is}131072`,
    `-net.netfilter.nf_conntrack_tcp_timeout_established${is}7440`,
    `-net.netfilter.nf_conntrack_udp_timeout_stream${is}180`,
    "",
  ].join("\n");
}
