import { notifyServices } from "../network/notifyService.ts";
import type { NotifyService } from "../network/notifyService.ts";
import { record, required } from "./fields.ts";
import { complete, isRead, refused } from "./place.ts";
import type { Draft, Place, Read } from "./place.ts";
import { isAbsent, isMapping, items, oneOf } from "./readers.ts";
import type { Kind, Mapping } from "./readers.ts";
import { aboutSecret, readEncrypted, secret, setSecret } from "./secret.ts";

type Service = NotifyService["service"];

/** What a service's URL looks like. */
interface Form {
  readonly accepts: (url: URL) => boolean;
  readonly rule: string;
}

const anyPath: Form = { accepts: () => true, rule: "a URL" };
const somePath = (rule: string): Form => ({ accepts: ({ pathname }) => pathname.length > 1, rule });

const forms: Readonly<Record<Service, Form>> = {
  // https://docs.ntfy.sh/publish/#picking-a-topic; it can be served at the root of a name alone.
  ntfy: {
    accepts: ({ pathname, search }) => /^\/[\w-]{1,64}$/.test(pathname) && search === "",
    rule: "the server and the topic, like https://ntfy.sh/TOPIC,",
  },
  gotify: {
    accepts: ({ pathname, search }) => !/\/message\/?$/.test(pathname) && search === "",
    rule: "the server alone, like https://gotify.example.net,",
  },
  slack: somePath("the webhook's own, like https://hooks.slack.com/services/...,"),
  discord: somePath("the webhook's own, like https://discord.com/api/webhooks/...,"),
  post: anyPath,
  healthchecks: {
    accepts: ({ pathname }) => pathname.length > 1 && !/\/(fail|start|log|\d+)\/?$/.test(pathname),
    rule: "the check's ping URL, like https://hc-ping.com/UUID,",
  },
  heartbeat: somePath("the one that is asked for while all is well,"),
};

/** Whether a service is known by a token beside its URL. */
const tokens: Readonly<Record<Service, "needed" | "possible" | "none">> = {
  ntfy: "possible",
  gotify: "needed",
  slack: "none",
  discord: "none",
  post: "possible",
  healthchecks: "none",
  heartbeat: "none",
};

const aboutUrl = aboutSecret("Where it is told; who knows it may write there.");
const url = required({ ...secret(() => true, ""), read: readUrl }, aboutUrl);

/** https://gotify.net/docs/pushmsg and https://docs.ntfy.sh/publish/#access-tokens */
const token = required(
  secret((text) => /^[\w.~+/=-]+$/.test(text), 'letters, digits and "-._~+/="'),
  aboutSecret("What the service knows the relay by: gotify's application token, ntfy's access token."),
);

const service = record<NotifyService>({
  service: required(oneOf(notifyServices), { means: "Who is told.", example: "ntfy" }),
  url,
  token: {
    ...token,
    otherwise: "none; required with gotify",
    read: (value, place, siblings) => readToken(value, place, siblings),
  },
});

const unseen = "found something else, which is not shown";

/** A URL in a wrong place is a secret all the same, and what others refuse they show. */
const written = items(
  {
    ...service,
    read: (value, place, siblings) =>
      isMapping(value)
        ? service.read(value, place, siblings)
        : place.refuse(`must be a mapping with service and url; ${unseen}`, "write it like service: ntfy"),
  },
  "list of services",
);
const most = 10;

/** The `notify` section. */
export const notify: Kind<readonly NotifyService[]> = {
  ...written,
  schema: { ...written.schema, maxItems: most },
  read: (value, place, siblings) => {
    if (!Array.isArray(value))
      return place.refuse(`must be a list of services; ${unseen}`, 'write it like "- service: ntfy"');
    const drafts = written.read(value, place, siblings);
    if (!isRead(drafts)) return refused;
    if (drafts.length > most)
      return place.refuse(`must have at most ${most} services; found ${drafts.length}`, "remove the others");
    refuseRepeated(drafts, place);
    const services = drafts.map((draft) => complete<NotifyService>(draft)).filter(isRead);
    return services.length === drafts.length ? services : refused;
  },
};

function readUrl(value: unknown, place: Place, { service }: Mapping): Read<string> {
  const text = readEncrypted(value, place);
  if (!isRead(text)) return refused;
  const parsed = /^https:\/\/[!-~]+$/.test(text) && URL.canParse(text) ? new URL(text) : undefined;
  const { accepts, rule } = isService(service) ? forms[service] : anyPath;
  return parsed !== undefined && accepts(parsed)
    ? text
    : place.refuse(
        `must be ${rule} that begins with https://, without spaces; ${unseen}`,
        `set it anew: ${setSecret(place)}`,
      );
}

function readToken(value: unknown, place: Place, siblings: Mapping): Read<string | undefined> {
  const { service } = siblings;
  if (!isService(service)) return isAbsent(value) ? undefined : token.read(value, place, siblings);
  if (tokens[service] === "needed") return token.read(value, place, siblings);
  if (isAbsent(value)) return undefined;
  return tokens[service] === "possible"
    ? token.read(value, place, siblings)
    : place.refuse(
        `is nothing that ${service} asks for: its url is enough`,
        `remove it: pulumi config rm --path '${place.path}'`,
      );
}

function isService(value: unknown): value is Service {
  return notifyServices.some((service) => service === value);
}

/** Not by `distinct`, which shows what is repeated. */
function refuseRepeated(drafts: readonly Read<Draft<NotifyService>>[], place: Place): void {
  const first = new Map<string, number>();
  drafts.forEach((draft, i) => {
    if (!isRead(draft) || !isRead(draft.url) || !isRead(draft.service)) return;
    const name = `${draft.service} ${draft.url}`;
    const before = first.get(name);
    if (before === undefined) first.set(name, i);
    else
      place.at(i).refuse(`repeats ${place.at(before).path}: the same service and url`, "remove one of them");
  });
}
