/**
 * The lab's only resolver, and thereby its whole name system: it answers from the cloud's zones, and for reverse
 * names from the primary IPs; other names are those that somebody else in the lab keeps. Not covered: delegation, DNSSEC, caches (a change
 * shows at once, whatever the TTL says), ANY, zone transfers.
 */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import type { Socket } from "node:net";
import { createServer } from "node:net";
import dnsPacket from "dns-packet";
import type { Answer, DecodedPacket, OptAnswer, Packet, Question } from "dns-packet";
import ipaddr from "ipaddr.js";
import { covered, reverseNames } from "./primaryIps.ts";
import type { Rrset } from "./rrsets.ts";
import { textStrings } from "./rrsets.ts";
import type { World } from "./world.ts";
import type { Zone } from "./zones.ts";

const rcodes = { noError: 0, formatError: 1, nameError: 3, notImplemented: 4, refused: 5 } as const;
type Rcode = (typeof rcodes)[keyof typeof rcodes];

interface Found {
  readonly rcode: Rcode;
  readonly answers: readonly Answer[];
  /** The zone that vouches for it; its SOA goes with an empty answer. */
  readonly zone?: Zone | undefined;
}

const reverseTtl = 3600;
const elsewhereTtl = 60;
const maxAliases = 8;

/** Answers over UDP; returns how to end it. */
export async function serveUdp(world: World, port: number, address: string): Promise<() => Promise<void>> {
  const socket = createSocket("udp4");
  const close = async () => {
    const closed = once(socket, "close");
    socket.close();
    await closed;
  };
  socket.bind(port, address);
  await once(socket, "listening").catch(async (error: unknown) => {
    await close();
    throw error;
  });
  socket.on("message", (message, from) => {
    const answer = respond(world, message, "udp");
    if (answer) socket.send(answer, from.port, from.address);
  });
  // From now on an error means that an asker has gone.
  socket.on("error", () => undefined);
  return close;
}

/** Answers over TCP; returns how to end it. */
export async function serveTcp(world: World, port: number, address: string): Promise<() => Promise<void>> {
  const connections = new Set<Socket>();
  const server = createServer((socket) => {
    connections.add(socket);
    let buffered = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      buffered = Buffer.concat([buffered, chunk]);
      while (buffered.length >= 2 && buffered.length >= 2 + buffered.readUInt16BE(0)) {
        const end = 2 + buffered.readUInt16BE(0);
        const answer = respond(world, buffered.subarray(2, end), "tcp");
        buffered = buffered.subarray(end);
        if (answer) socket.write(Buffer.concat([lengthOf(answer), answer]));
      }
    });
    // A client that hangs up has its answer or does not want it.
    socket.on("error", () => undefined);
    socket.on("close", () => connections.delete(socket));
  });
  server.listen(port, address);
  await once(server, "listening");
  return async () => {
    const closed = once(server, "close");
    server.close();
    for (const socket of connections) socket.destroy();
    await closed;
  };
}

/** Over TCP a message goes after its length (RFC 1035 4.2.2). */
function lengthOf(message: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return length;
}

/** The wire form of the answer, or undefined where silence is right: garbage, and answers from others. */
function respond(world: World, message: Buffer, transport: "udp" | "tcp"): Buffer | undefined {
  let query: DecodedPacket;
  try {
    query = dnsPacket.decode(message);
  } catch {
    return undefined;
  }
  if (query.flag_qr) return undefined;
  const edns = query.additionals?.find((each): each is OptAnswer => each.type === "OPT");
  const [question, ...more] = query.questions ?? [];
  const found =
    question && more.length === 0 ? lookUp(world, question) : { rcode: rcodes.formatError, answers: [] };
  const packet: Packet = {
    type: "response",
    id: query.id ?? 0,
    flags:
      found.rcode |
      (found.zone ? dnsPacket.AUTHORITATIVE_ANSWER : 0) |
      dnsPacket.RECURSION_AVAILABLE |
      (query.flag_rd ? dnsPacket.RECURSION_DESIRED : 0),
    questions: query.questions,
    answers: [...found.answers],
    authorities: found.zone && found.answers.length === 0 ? [soa(found.zone)] : [],
    additionals: edns ? [ednsAnswer] : [],
  };
  const encoded = dnsPacket.encode(packet);
  const room = transport === "tcp" ? 65535 : Math.max(512, edns?.udpPayloadSize ?? 512);
  if (encoded.length <= room) return encoded;
  const flags = (packet.flags ?? 0) | dnsPacket.TRUNCATED_RESPONSE;
  return dnsPacket.encode({ ...packet, flags, answers: [], authorities: [] });
}

const ednsAnswer: OptAnswer = {
  type: "OPT",
  name: ".",
  udpPayloadSize: 1232,
  extendedRcode: 0,
  ednsVersion: 0,
  flags: 0,
  flag_do: false,
  options: [],
};

function lookUp(world: World, question: Question): Found {
  if (question.class !== undefined && question.class !== "IN") return { rcode: rcodes.refused, answers: [] };
  const unsupported: readonly string[] = ["ANY", "AXFR", "IXFR"];
  if (unsupported.includes(question.type)) return { rcode: rcodes.notImplemented, answers: [] };
  const name = question.name.toLowerCase().replace(/\.$/, "");
  if (/\.(in-addr|ip6)\.arpa$/.test(name)) return lookUpReverse(world, name, question);
  return lookUpName(world, name, question.type);
}

/** Follows aliases as far as the cloud's own zones go. */
function lookUpName(world: World, name: string, type: string, followed = 0): Found {
  const zone = zoneOf(world, name);
  if (!zone) return lookUpElsewhere(world, name, type);
  const here = rrsetsAt(zone, name);
  if (here === undefined) return { rcode: rcodes.nameError, answers: [], zone };
  const rrset = here.find((each) => each.type === type);
  if (rrset) return { rcode: rcodes.noError, answers: toAnswers(zone, rrset, name), zone };
  const alias = here.find((each) => each.type === "CNAME");
  const target = alias?.records[0]?.value;
  if (!alias || target === undefined || followed === maxAliases)
    return { rcode: rcodes.noError, answers: [], zone };
  const next = lookUpName(world, absolute(zone, target), type, followed + 1);
  return { rcode: next.rcode, answers: [...toAnswers(zone, alias, name), ...next.answers], zone };
}

function lookUpElsewhere(world: World, name: string, type: string): Found {
  const found = world.elsewhere(name);
  if (!found) return { rcode: rcodes.nameError, answers: [] };
  const data = type === "A" || type === "AAAA" ? found[type] : undefined;
  if (data === undefined) return { rcode: rcodes.noError, answers: [] };
  return { rcode: rcodes.noError, answers: [{ name, type: type as "A" | "AAAA", ttl: elsewhereTtl, data }] };
}

function zoneOf(world: World, name: string): Zone | undefined {
  return [...world.zones.values()]
    .filter((zone) => name === zone.name || name.endsWith(`.${zone.name}`))
    .toSorted((a, b) => b.name.length - a.name.length)[0];
}

/** What is at a name, wildcards included (RFC 4592); undefined: the name does not exist. */
function rrsetsAt(zone: Zone, name: string): readonly Rrset[] | undefined {
  const all = [...zone.rrsets.values()];
  const named = (wanted: string) => all.filter((each) => absolute(zone, each.name) === wanted);
  const exists = (wanted: string) =>
    all.some(
      (each) => absolute(zone, each.name) === wanted || absolute(zone, each.name).endsWith(`.${wanted}`),
    );
  if (exists(name)) return named(name);
  let encloser = name;
  while (!exists(encloser)) encloser = encloser.slice(encloser.indexOf(".") + 1);
  const wild = named(`*.${encloser}`);
  return wild.length > 0 ? wild : undefined;
}

/** A record's name or target as a full name without the trailing dot. */
function absolute(zone: Zone, name: string): string {
  if (name === "@") return zone.name;
  return name.endsWith(".") ? name.slice(0, -1) : `${name}.${zone.name}`;
}

function toAnswers(zone: Zone, rrset: Rrset, name: string): readonly Answer[] {
  return rrset.records.map(({ value }): Answer => {
    const head = { name, ttl: rrset.ttl ?? zone.ttl };
    switch (rrset.type) {
      case "A":
      case "AAAA":
        return { ...head, type: rrset.type, data: value };
      case "CNAME":
      case "NS":
        return { ...head, type: rrset.type, data: absolute(zone, value) };
      case "TXT":
        return { ...head, type: "TXT", data: [...(textStrings(value) ?? [])] };
      case "SOA":
        return { ...head, type: "SOA", data: soaData(zone) };
    }
  });
}

/** Goes with an empty answer; its TTL says how long the name stays unknown (RFC 2308). */
function soa(zone: Zone): Answer {
  const data = soaData(zone);
  return { type: "SOA", name: zone.name, ttl: Math.min(zone.ttl, data.minimum), data };
}

function soaData(zone: Zone) {
  const [mname = "", rname = "", ...numbers] = zone.rrsets.get("@/SOA")?.records[0]?.value.split(" ") ?? [];
  const [serial = 0, refresh = 0, retry = 0, expire = 0, minimum = 0] = numbers.map(Number);
  return { mname: mname.slice(0, -1), rname: rname.slice(0, -1), serial, refresh, retry, expire, minimum };
}

function lookUpReverse(world: World, name: string, question: Question): Found {
  const address = addressOf(name);
  const ip = address && [...world.primaryIps.values()].find((each) => covered(each, address) !== undefined);
  const entry = ip && reverseNames(ip).find((each) => each.ip === address);
  if (!entry) return { rcode: rcodes.nameError, answers: [] };
  if (question.type !== "PTR") return { rcode: rcodes.noError, answers: [] };
  return {
    rcode: rcodes.noError,
    answers: [{ type: "PTR", name: question.name, ttl: reverseTtl, data: entry.dns_ptr }],
  };
}

/** The address that a reverse name stands for, in its canonical form. */
function addressOf(name: string): string | undefined {
  const parts = name.split(".").slice(0, -2).toReversed();
  const isV4 = name.endsWith(".in-addr.arpa");
  const written = isV4 ? parts.join(".") : (parts.join("").match(/.{4}/g) ?? []).join(":");
  const whole = parts.length === (isV4 ? 4 : 32) && ipaddr.isValid(written);
  return whole ? ipaddr.parse(written).toString() : undefined;
}
