/** Knocks at forwards from the operator's own machine, as anybody on the internet would. */
import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { portOf } from "./forwardReport.ts";
import type { Answer, Family, TriedForward } from "./forwardReport.ts";

/** Fewer than the relay lets in of one source in a second. */
const atOnce = 32;
const patienceMilliseconds = 4000;

/** Tries every forward over TCP, in each family in which the relay has an address; by `443/tcp`. */
export async function knockFromHere(
  forwards: readonly TriedForward[],
  addresses: ReadonlyMap<Family, string>,
): Promise<Map<string, Map<Family, Answer>>> {
  const answers = new Map<string, Map<Family, Answer>>(forwards.map((one) => [portOf(one), new Map()]));
  for (const [family, address] of addresses) {
    const notTried = { notTried: `from here nothing gets to the relay over IPv${family}` };
    const isAway = !(await hasWayTo(address, family));
    const knocks = forwards.filter(({ to }) => family === 4 || to === undefined);
    const said = new Map<TriedForward, Knocked>();
    for (let i = 0; i < knocks.length && !isAway; i += atOnce)
      await Promise.all(
        knocks.slice(i, i + atOnce).map(async (forward) => {
          if (forward.protocol === "tcp") said.set(forward, await knock(address, forward.published));
        }),
      );
    // Who gets to none of them has no way there; a firewall that refuses one may say the same.
    const isLost = isAway || (family === 6 && [...said.values()].every((one) => one === "unreachable"));
    for (const forward of knocks) {
      const one = said.get(forward);
      const answer = isLost ? notTried : one === "unreachable" ? "refused" : (one ?? overUdp);
      answers.get(portOf(forward))?.set(family, answer);
    }
  }
  return answers;
}

const overUdp = { notTried: "over UDP only a service that answers would show" };

type Knocked = "open" | "refused" | "no answer" | "unreachable";

const unreachable = ["ENETUNREACH", "EHOSTUNREACH", "EACCES"];

function knock(host: string, port: number): Promise<Knocked> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (answer: Knocked) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(patienceMilliseconds, () => end("no answer"));
    socket.once("connect", () => end("open"));
    // Whatever the network says in place of an answer refuses it.
    socket.once("error", ({ code = "" }: NodeJS.ErrnoException) =>
      end(code === "ETIMEDOUT" ? "no answer" : unreachable.includes(code) ? "unreachable" : "refused"),
    );
  });
}

/** Whether the kernel knows a way there; no packet is sent. */
function hasWayTo(address: string, family: Family): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket(family === 4 ? "udp4" : "udp6");
    const end = (has: boolean) => {
      socket.close();
      resolve(has);
    };
    socket.once("error", () => end(false));
    socket.connect(9, address, () => end(true));
  });
}
