import { shell } from "./people.ts";
import type { Place } from "./people.ts";

/** All nftables tables of a machine but the program's own, without what their counters count. */
export async function otherTablesOn(machine: Place): Promise<string> {
  const list = 'while read -r _ family name; do nft -s list table "$family" "$name"; done';
  // nft warns of tables that iptables made.
  return shell(machine, `nft list tables | grep -v '^table inet homerelay' | ${list} 2>&1`);
}
