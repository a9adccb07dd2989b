import type { Measured, MeasuredKnock, PortReachability, Proof, Reachability } from "../network/proven.ts";

/**
 * From what prove-forwards.sh printed: its last lines that are meant for a program. A home in the wrong hands may have
 * printed anything: what is of another form is left out, and no text of it can steer a terminal or be long.
 */
export function readProof(said: string): Proof {
  return { reachability: readReachability(said), measured: readMeasured(said) };
}

/** Empty where there is none. */
export function readReachability(said: string): Reachability {
  const ports = portsOf(lastLine(said, "reachability ")).flatMap(([port, value]) => {
    const { ipv4, ipv6 } = fieldsOf(value);
    if (typeof ipv4 !== "string") return [];
    const verdicts: PortReachability = {
      ipv4: clean(ipv4),
      ...(typeof ipv6 === "string" ? { ipv6: clean(ipv6) } : {}),
    };
    return [[port, verdicts] as const];
  });
  return Object.fromEntries(ports);
}

export function readMeasured(said: string): Measured | undefined {
  const { at, ports } = fieldsOf(lastLine(said, "measured "));
  if (!isCount(at) || at > latestTime) return undefined;
  const knocks = portsOf(ports).map(([port, value]) => {
    const { ipv4, ipv6 } = fieldsOf(value);
    return [
      port,
      {
        ...(ipv4 === undefined ? {} : { ipv4: readKnock(ipv4) }),
        ...(ipv6 === undefined ? {} : { ipv6: readKnock(ipv6) }),
      },
    ] as const;
  });
  return { at, ports: Object.fromEntries(knocks) };
}

/** Seconds since 1970 that a calendar still has. */
const latestTime = 253_402_300_799;

function readKnock(value: unknown): MeasuredKnock {
  const { saw, milliseconds } = fieldsOf(value);
  return {
    // An address, and nothing that looks like a sentence of ours.
    ...(typeof saw === "string" && /^[0-9a-f.:]{2,45}$/i.test(saw) ? { saw } : {}),
    ...(isCount(milliseconds) ? { milliseconds } : {}),
  };
}

function portsOf(value: unknown): [port: string, value: unknown][] {
  return Object.entries(fieldsOf(value)).filter(([port]) => /^\d{1,5}\/(tcp|udp)$/.test(port));
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}

/** JSON may have spelled out what was taken from the text itself. */
function clean(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, "")
    .slice(0, 200)
    .trim();
}

function lastLine(said: string, marker: string): unknown {
  const last = said
    .split("\n")
    .findLast((line) => line.startsWith(marker))
    ?.slice(marker.length);
  if (last === undefined) return undefined;
  try {
    return JSON.parse(last);
  } catch {
    return undefined;
  }
}
