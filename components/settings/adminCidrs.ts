import { withDefault } from "./fields.ts";
import { sources } from "./prefixes.ts";

/** The same for every provider of a relay. */
export const adminCidrs = withDefault(
  sources({
    empty: "nobody could open an SSH connection to the relay, and neither could this program",
    mend: "write the addresses that you connect from, or remove the key to admit everybody who has the key",
  }),
  {
    default: ["0.0.0.0/0", "::/0"],
    means:
      "From where an SSH connection to the relay may be opened. Rules that leave out your own address are taken back " +
      "by the relay.",
    example: ["192.0.2.0/24", "2001:db8::/32"],
  },
);
