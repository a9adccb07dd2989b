/** What is wrong with a stack, or wants attention, and what to type. */
import type {
  AskedHost,
  Finding,
  Gathered,
  HomeReport,
  HostReport,
  NameReport,
  RelayReport,
  TrafficReport,
} from "./report.ts";
import { counted, renderBytes, renderDuration } from "./units.ts";

interface Judged {
  readonly relay: RelayReport;
  readonly names: readonly NameReport[];
  readonly homes: readonly HomeReport[];
  readonly traffic: TrafficReport | null;
}

export interface Judgement {
  readonly problems: readonly Finding[];
  readonly notices: readonly Finding[];
}

export function judge({ relay, names, homes, traffic }: Judged, gathered: Gathered): Judgement {
  const { hosts, providerProblem } = gathered;
  const problems: Finding[] = [];
  const notices: Finding[] = [];
  const relayAsked = hosts.find(({ isRelay }) => isRelay);
  if (relay.host === null) problems.push(unreached(relayAsked, "the relay"));
  else judgeHost("the relay", relay.host, relayAsked, problems, notices);
  for (const home of homes) {
    const asked = hosts.find(({ isRelay, title }) => !isRelay && title === home.name);
    if (home.state === "away") problems.push(away(home, asked));
    if (home.host !== null) judgeHost(home.name, home.host, asked, problems, notices);
    else if (!home.byHand && home.state !== "away") notices.push(notReachedFromHere(home, asked));
    judgeProof(home, notices);
  }
  for (const name of names) judgeName(name, gathered, problems);
  judgeTraffic(traffic, notices);
  if (providerProblem !== undefined)
    notices.push({
      what: "Hetzner did not say what the month's traffic and cost are.",
      mend: providerProblem,
    });
  return { problems, notices };
}

/** A host that was never set up has nobody to ask. */
function unreached(asked: AskedHost | undefined, title: string): Finding {
  if (asked?.problem === undefined)
    return { what: `${title} was not set up to its end.`, mend: "  pulumi up" };
  const [first = "", ...rest] = asked.problem.split("\n");
  return { what: first, mend: rest.join("\n") };
}

function away(home: HomeReport, asked: AskedHost | undefined): Finding {
  const { name, handshakeSecondsAgo, endpoint } = home;
  const last =
    handshakeSecondsAgo === null
      ? "the relay has not heard from it since its tunnel started"
      : `the relay last heard from it ${renderDuration(handshakeSecondsAgo)} ago${endpoint === null ? "" : `, at ${endpoint}`}`;
  const what = `${name} is away: ${last}.`;
  if (home.byHand)
    return {
      what,
      mend: `Is it switched on and online? There, as root:\n  systemctl restart wg-quick@homerelay`,
    };
  if (home.host !== null)
    return {
      what,
      mend: `It answers SSH, so it is on, and its tunnel does not get through. To begin that anew:
${typed(asked, "systemctl restart wg-quick@homerelay") ?? ""}
If it stays away, what lies between is asked for with:
  npm run check`,
    };
  return {
    what: `${what} It does not answer SSH from here, either.`,
    mend: asked?.problem ?? "Is it switched on, and is its line up?",
  };
}

function notReachedFromHere({ name, state }: HomeReport, asked: AskedHost | undefined): Finding {
  if (asked?.problem === undefined)
    return { what: `${name} was not set up to its end.`, mend: "  pulumi up" };
  const works = state === "here" ? ", though its tunnel works" : "";
  return { what: `${name} cannot be asked how it is${works}.`, mend: asked.problem };
}

const reserveBytes = 256 * 1024 ** 2;

function judgeHost(
  title: string,
  host: HostReport,
  asked: AskedHost | undefined,
  problems: Finding[],
  notices: Finding[],
): void {
  const { missing, failedUnits, restartFor, diskAvailableBytes: left, diskTotalBytes: total } = host;
  if (missing.includes("rules"))
    problems.push({
      what: `${title}: our firewall rules are not in its kernel.`,
      mend: typed(asked, "systemctl restart homerelay-firewall") ?? mended,
    });
  if (missing.includes("interface"))
    problems.push({
      what: `${title}: WireGuard's interface homerelay is not there.`,
      mend: typed(asked, "systemctl restart wg-quick@homerelay") ?? mended,
    });
  for (const unit of failedUnits) {
    const log = typed(asked, `journalctl -n 20 -u ${unit}`);
    problems.push({
      what: `${title}: ${unit} has failed.`,
      mend: log === undefined ? mended : `Why stands in its log:\n${log}`,
    });
  }
  if (left !== null && total !== null && left < Math.min(reserveBytes, total / 20)) {
    const largest = typed(asked, "du -xhd2 / | sort -h | tail");
    problems.push({
      what: `${title}: its disk is full, ${renderBytes(left)} are left.`,
      mend:
        largest === undefined
          ? "A new server at the same address takes its place with:\n  pulumi up --replace '**-relay-server'"
          : `What takes the room:\n${largest}`,
    });
  }
  if (host.trackedConnections !== null && host.trackedConnectionsMost !== null)
    if (host.trackedConnections > 0.8 * host.trackedConnectionsMost)
      problems.push({
        what: `${title}: its kernel keeps track of ${host.trackedConnections} connections, of ${host.trackedConnectionsMost} at most; then it lets nobody in.`,
        mend: "Is somebody flooding it? newPerSecond limits each caller of a forward (docs/settings.md).",
      });
  const restart = restartFor === null ? undefined : typed(asked, "systemctl reboot");
  if (restartFor !== null && restart !== undefined)
    notices.push({
      what: `${title} waits to be restarted${restartFor.length === 0 ? "" : `, for ${restartFor.join(", ")}`}; the forwards rest meanwhile.`,
      mend: restart,
    });
}

const mended = "To put it right:\n  npm run check -- --mend";

/** What went wrong was told by `up`; what nobody could try is no news. */
function judgeProof(home: HomeReport, notices: Finding[]): void {
  const closed = home.forwards.filter(
    ({ proof }) => proof !== null && proof !== "open" && !proof.startsWith("not tried"),
  );
  for (const { published, protocol, target, proof } of closed)
    notices.push({
      what: `${home.name}: when ${published}/${protocol} was last tried: ${proof ?? ""}.`,
      mend: `Start what is to listen at ${target}, then try again from outside:\n  npm run check`,
    });
}

function judgeName(
  { name, addresses, leadsHere }: NameReport,
  { facts }: Gathered,
  problems: Finding[],
): void {
  if (leadsHere !== false || addresses === null) return;
  const leads = addresses.length === 0 ? "nowhere" : `to ${addresses.join(" and ")}`;
  const at = [facts.ipv4, facts.ipv6].filter((one) => one !== undefined).join(" and ");
  problems.push({
    what: `${name} leads ${leads}; the relay is at ${at}.`,
    mend: "Was that changed lately? Then it takes some minutes. To tell it anew:\n  pulumi up",
  });
}

function judgeTraffic(traffic: TrafficReport | null, notices: Finding[]): void {
  if (traffic?.includedBytes == null || traffic.includedBytes === 0) return;
  const share = traffic.sentBytes / traffic.includedBytes;
  if (share < 0.8) return;
  const rest =
    share < 1
      ? `${renderBytes(traffic.includedBytes - traffic.sentBytes)} are left`
      : "what is above it is billed";
  notices.push({
    what: `${Math.round(share * 100)}% of the traffic that is included this month are sent; ${rest}.`,
    mend: "Which forward sends most stands above.",
  });
}

/** What a person types to have it run there, as root; `undefined`: a person has no way in. */
function typed(asked: AskedHost | undefined, command: string): string | undefined {
  const login = asked?.login ?? "stack";
  if (login === "stack") return undefined;
  const asRoot = / root@/.test(login) ? command : `sudo ${command}`;
  return login === "here" ? `  ${asRoot}` : `  ${login} '${asRoot}'`;
}

/** What waits on a host, in a few words; empty: nothing. */
export function pending(
  { restartFor, updates, securityUpdates }: HostReport,
  { restartsByItself = false } = {},
): string[] {
  return [
    ...(restartFor === null ? [] : [restartsByItself ? "restarts by itself at 04:30" : "restart required"]),
    ...(updates === null || updates === 0
      ? []
      : [
          `${counted(updates, "update waits", "updates wait")}${securityUpdates === null || securityUpdates === 0 ? "" : ` (${securityUpdates} of security)`}`,
        ]),
  ];
}
