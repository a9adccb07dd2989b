import { request } from "node:http";
import type { DynDnsOrder, DynDnsReport } from "./dynDns.ts";
import type { NoticeOrder, NoticeReport } from "./notices.ts";
import { paths } from "./paths.ts";
import type { Suite } from "./root.ts";

/** What the daemon says about a machine. */
export interface MachineStatus {
  readonly name: string;
  readonly on: boolean;
}

export type PowerAction = "power-cut" | "power-off" | "power-on" | "reboot";
export const powerActions: readonly PowerAction[] = ["power-cut", "power-off", "power-on", "reboot"];

/** Pulls a machine's plug, puts it back, both, or asks its systemd for a reboot. */
export async function power(machine: string, action: PowerAction): Promise<void> {
  await ask("POST", `/machines/${machine}/${action}`);
}

/** The machines that the daemon supervises. */
export async function machines(): Promise<MachineStatus[]> {
  return (await ask("GET", "/machines")) as MachineStatus[];
}

/** A machine to add to a lab that is up, with the system of a suite. */
export interface AddMachine {
  readonly name: "attic" | "vps";
  /** @default trixie */
  readonly suite?: Suite;
  /** Whether it may run containers of its own. @default false */
  readonly containers?: boolean;
}

/** Adds a machine that no cloud knows, or finds it there. It may still boot when this returns. */
export async function addMachine(machine: AddMachine): Promise<void> {
  await ask("POST", "/machines", machine);
}

/** Hands an order to the stand-in cloud, for example to make it slow or fail; returns its answer. */
export function controlCloud(order: unknown): Promise<unknown> {
  return ask("POST", "/cloud", order);
}

/** Hands an order to the DynDNS services; returns what they have been asked, and what they keep. */
export async function controlDynDns(order: DynDnsOrder = {}): Promise<DynDnsReport> {
  return (await ask("POST", "/dyndns", order)) as DynDnsReport;
}

/** Hands an order to those who are told things; returns what they were told. */
export async function controlNotices(order: NoticeOrder = {}): Promise<NoticeReport> {
  return (await ask("POST", "/notices", order)) as NoticeReport;
}

/** One question to the lab's daemon; its refusals are exceptions. */
function ask(method: string, path: string, body?: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const question = request({ socketPath: paths.controlSocket, method, path, timeout: 60_000 }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      answer.on("error", reject).on("end", () => {
        const value: unknown = text === "" ? undefined : JSON.parse(text);
        if (answer.statusCode === 200) resolve(value);
        else reject(new Error(`The lab's daemon refused ${method} ${path}: ${text}`));
      });
    });
    question.on("timeout", () => question.destroy(new Error("The lab's daemon does not answer.")));
    question.on("error", reject).end(body === undefined ? undefined : JSON.stringify(body));
  });
}
