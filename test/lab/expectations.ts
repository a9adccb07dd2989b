/** What several checks expect of the program and of what it made. */
import { expect } from "@jest/globals";
import { cloudRequests, forgetCloudRequests } from "./cloudByHand.ts";
import type { Operator } from "./operator.ts";
import { knock, strangerBy, tcp, udp } from "./people.ts";
import type { FlowReport, FlowsReport } from "./people.ts";
import type { RunOptions } from "./shell.ts";
import { until } from "./world.ts";

/** What a forward carried while something was changed: no new connection failed, and no packet of an open flow is lost. */
export function expectUnharmed({ connections, failed, lines, datagrams }: FlowsReport): void {
  expect(connections).toBeGreaterThan(10);
  expect(failed).toEqual([]);
  const harmed = ({ sent, answered, alive }: FlowReport) => !alive || answered !== sent;
  expect([lines, datagrams].filter(harmed)).toEqual([]);
}

/** What a forward carried before it was taken away: both open flows were answered at first, and are cut. */
export function expectCut({ lines, datagrams }: FlowsReport): void {
  expect([lines.alive, datagrams.alive]).toEqual([false, false]);
  expect(Math.min(lines.answered, datagrams.answered)).toBeGreaterThan(0);
}

/** A new connection and a datagram of a stranger are answered by an echo, over both families, by the stranger's name. */
export async function expectEchoToAnswer(
  published: Readonly<Record<4 | 6, string>>,
  port: number,
): Promise<void> {
  const families = [4, 6] as const;
  const probes = families.flatMap((family) => [tcp(published[family], port), udp(published[family], port)]);
  const answers = families.flatMap((family) => {
    const answer = `${strangerBy[family]} hello`;
    return [answer, answer];
  });
  expect(await knock("stranger", probes)).toEqual(answers);
}

/** `pulumi up`, which has to fail; what it says at the end, all of its problems together. */
export async function failingUp(
  operator: Operator,
  args: readonly string[] = [],
  options: RunOptions = {},
): Promise<string> {
  return expectFailure(operator, "up", args, options);
}

/**
 * The same while another one is at work on the stack. The engine writes its state in place: who reads it at that moment
 * finds it cut off, and has to try again.
 */
export function secondUp(operator: Operator): Promise<string> {
  return until("the state is whole", 30, async () => {
    const said = await failingUp(operator);
    expect(said).not.toContain("failed to load checkpoint");
    return said;
  });
}

/** The same of `pulumi destroy`. */
export async function failingDestroy(operator: Operator, args: readonly string[] = []): Promise<string> {
  return expectFailure(operator, "destroy", args);
}

async function expectFailure(
  operator: Operator,
  verb: "up" | "destroy",
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const { code, stdout, stderr } = await operator.attempt(verb, args, options);
  expect([code === 0, stdout]).toEqual([false, expect.any(String)]);
  return stdout.slice(Math.max(0, stdout.indexOf("Diagnostics:"))) + stderr;
}

/** A preview has nothing to change. */
export async function expectNoChange(operator: Operator): Promise<void> {
  const { code, stdout, stderr } = await operator.pulumi([
    "preview",
    "--expect-no-changes",
    "--non-interactive",
  ]);
  expect([code, code === 0 ? "" : stdout + stderr]).toEqual([0, ""]);
}

/** A preview has nothing to change, and the cloud is asked nothing. */
export async function expectNoChangeAndNoRequest(operator: Operator): Promise<void> {
  await forgetCloudRequests();
  await expectNoChange(operator);
  expect(await cloudRequests()).toEqual([]);
}
