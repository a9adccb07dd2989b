import { nearest } from "../network/nearest.ts";
import { OrderProblems } from "./orderProblems.ts";
import type { RelayOrder } from "./order.ts";

/** What Hetzner's API says of itself and of our server; only what is read here. */
export interface Offer {
  readonly locations: readonly { readonly name: string; readonly city: string }[];
  readonly serverTypes: readonly ServerType[];
  /** System images of all architectures. */
  readonly images: readonly Image[];
  /** The server that the stack has; `undefined` where it has none. */
  readonly server: Server | undefined;
}

export interface ServerType {
  readonly name: string;
  readonly architecture: string;
  /** GB. */
  readonly disk: number;
  readonly deprecation?: Deprecation | null;
  readonly locations: readonly {
    readonly name: string;
    /** Hetzner's own guess; it has sold what it called unavailable, and the other way round. */
    readonly available?: boolean;
    readonly deprecation?: Deprecation | null;
  }[];
}

interface Deprecation {
  /** RFC 3339. */
  readonly unavailable_after: string;
}

export interface Image {
  readonly name: string;
  readonly architecture: string;
  /** RFC 3339: when it was announced to go. It can be ordered for three months more. */
  readonly deprecated: string | null;
}

export interface Server {
  readonly server_type: { readonly name: string; readonly architecture: string };
  /** `null`: Hetzner has it no more. */
  readonly image: { readonly name: string } | null;
  readonly location: { readonly name: string };
  /** GB. */
  readonly primary_disk_size: number;
}

/** Problems keep the order from being placed; remarks are for the reader. */
export interface Verdict {
  readonly problems: readonly string[];
  readonly remarks: readonly string[];
}

const newServer =
  "For a new server at the same address all the same: delete it in Hetzner's console, then: pulumi up --refresh";

/**
 * Whether Hetzner has what is to be ordered. A server that is there already and stays as it is needs nothing. `project`
 * names the settings in messages.
 */
export function judgeServer(project: string, order: RelayOrder, offer: Offer, now: Date): Verdict {
  const { server } = offer;
  const stays =
    server !== undefined &&
    server.location.name === order.location &&
    (server.image === null || server.image.name === order.image);
  if (stays && server.server_type.name === order.serverType) return { problems: [], remarks: [] };
  const problems = new OrderProblems(`${project}:relay`);
  const remarks: string[] = [];
  const question: Question = { order, offer, now, problems };
  const located = judgeLocation(question);
  const type = findType(question, located);
  if (type && located) judgeStock(type, question, remarks);
  if (type && stays) judgeFit(type, server, question);
  if (type && !stays) judgeImage(type, question);
  return { problems: problems.texts, remarks };
}

interface Question {
  readonly order: RelayOrder;
  readonly offer: Offer;
  readonly now: Date;
  readonly problems: OrderProblems;
}

function judgeLocation({ order: { location }, offer: { locations }, problems }: Question): boolean {
  if (locations.some(({ name }) => name === location)) return true;
  const names = locations.map(({ name, city }) => `${name} (${city})`);
  problems.refuse("location", `Hetzner has no location ${location}`, instead(location, locations, names));
  return false;
}

function findType({ order, offer, now, problems }: Question, located: boolean): ServerType | undefined {
  const { serverType, location } = order;
  const type = offer.serverTypes.find(({ name }) => name === serverType);
  const sold = offer.serverTypes.filter((each) => !located || isSold(each, location, now));
  if (!type) {
    const names = sold.map(({ name }) => name).sort();
    problems.refuse(
      "serverType",
      `Hetzner has no server type ${serverType}`,
      instead(serverType, sold, names),
    );
    return undefined;
  }
  if (isPast(type.deprecation?.unavailable_after, now)) {
    problems.refuse("serverType", `${serverType} can no longer be ordered`, `there are: ${list(sold)}`);
    return undefined;
  }
  return type;
}

/** Refused only where a server would be lost for it: Hetzner's word on stock is a guess, and its own answer is not. */
function judgeStock(type: ServerType, { order, offer, now, problems }: Question, remarks: string[]): void {
  const { location } = order;
  const elsewhere = type.locations.filter(
    ({ name }) => name !== location && isSold(type, name, now) && inStock(type, name),
  );
  const others = offer.serverTypes.filter(
    (each) =>
      each.architecture === type.architecture && isSold(each, location, now) && inStock(each, location),
  );
  const alternatives = [
    ...(elsewhere.length > 0 ? [`${type.name} is at ${list(elsewhere)}`] : []),
    ...(others.length > 0 ? [`at ${location} there are: ${list(others)}`] : []),
  ].join("; ");
  if (!isSold(type, location, now)) {
    problems.refuse(
      "serverType",
      `${type.name} is not offered at ${location}`,
      alternatives || "choose another type",
    );
    return;
  }
  if (inStock(type, location)) return;
  const found = `${type.name} is sold out at ${location} just now`;
  const mend = alternatives || "try again later";
  if (offer.server)
    problems.refuse(
      "serverType",
      `${found}, and the server that you have would be lost for it`,
      `${mend}\n  ${newServer}`,
    );
  else remarks.push(`${found}, says Hetzner, and may be wrong. If it refuses the order: ${mend}`);
}

/** A type is changed on the same server and the same disk. */
function judgeFit(type: ServerType, server: Server, { problems }: Question): void {
  const { server_type: old, primary_disk_size: disk } = server;
  if (type.architecture !== old.architecture)
    problems.refuse(
      "serverType",
      `${type.name} is ${type.architecture} and the server that you have is ${old.architecture}, which it cannot change`,
      newServer,
    );
  else if (type.disk < disk)
    problems.refuse(
      "serverType",
      `${type.name} has a disk of ${type.disk} GB and the server that you have one of ${disk} GB, which cannot shrink`,
      newServer,
    );
}

function judgeImage(type: ServerType, { order: { image }, offer, now, problems }: Question): void {
  const there = offer.images.filter(
    (each) => each.architecture === type.architecture && !isPast(threeMonthsAfter(each.deprecated), now),
  );
  if (there.some(({ name }) => name === image)) return;
  // Nothing else is ever tried with this program.
  const debian = there.filter(({ name }) => name.startsWith("debian-"));
  problems.refuse(
    "image",
    `Hetzner has no image ${image} for ${type.name} (${type.architecture})`,
    `there are: ${list(debian)}`,
  );
}

function isSold(type: ServerType, location: string, now: Date): boolean {
  const there = type.locations.find(({ name }) => name === location);
  return (
    there !== undefined &&
    !isPast(there.deprecation?.unavailable_after, now) &&
    !isPast(type.deprecation?.unavailable_after, now)
  );
}

function inStock(type: ServerType, location: string): boolean {
  return type.locations.find(({ name }) => name === location)?.available !== false;
}

function isPast(time: string | null | undefined, now: Date): boolean {
  return time !== null && time !== undefined && new Date(time) < now;
}

function threeMonthsAfter(time: string | null): string | null {
  if (time === null) return null;
  const later = new Date(time);
  later.setUTCMonth(later.getUTCMonth() + 3);
  return later.toISOString();
}

interface Named {
  readonly name: string;
}

function instead(word: string, candidates: readonly Named[], shown: readonly string[]): string {
  const meant = nearest(
    word,
    candidates.map(({ name }) => name),
  );
  const all = `there are: ${shown.join(", ") || "none"}`;
  return meant === undefined ? all : `did you mean ${meant}? ${all}`;
}

function list(things: readonly Named[]): string {
  return [...new Set(things.map(({ name }) => name))].sort().join(", ") || "none";
}
