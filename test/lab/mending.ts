/**
 * Our hosts mend within seconds what somebody changes by hand, and hold their table against everybody else. Who wants to
 * see what happens without that, or wants a relay to stay in the wrong hands, stops both first.
 */
import { shell } from "./people.ts";
import type { Place } from "./people.ts";

const dropIn = "/run/systemd/system/homerelay-mend.service.d";

/** Until `mendAgain`, or the machine's next boot. A timer that is stopped alone is started again by the tunnel's unit. */
export async function pauseMending(place: Place): Promise<void> {
  await shell(
    place,
    `mkdir -p ${dropIn} && printf '[Unit]\\nConditionPathExists=/nowhere\\n' >${dropIn}/lab.conf && ` +
      "systemctl daemon-reload && systemctl stop homerelay-mend.service",
  );
}

/** The same, and nobody holds the table. */
export async function stopMending(place: Place): Promise<void> {
  await pauseMending(place);
  await shell(place, "systemctl stop homerelay-table.socket");
}

export async function mendAgain(place: Place): Promise<void> {
  await shell(place, `rm -r ${dropIn} && systemctl daemon-reload`);
}

/** With the rules as a command changes them, which nothing mends meanwhile; then with those of the file again. */
export async function withChangedTable<T>(place: Place, command: string, act: () => Promise<T>): Promise<T> {
  await stopMending(place);
  try {
    await shell(place, command);
    return await act();
  } finally {
    await shell(place, "systemctl reload-or-restart homerelay-firewall");
    await mendAgain(place);
  }
}
