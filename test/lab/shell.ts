import { spawn } from "node:child_process";

/** How a command ended. `code` is 137 when a signal ended it, 124 when time ran out. */
export interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** Text for the command's standard input; none means an empty one. */
  readonly input?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** After this the command's whole process group is killed and the result's code is 124. Default 120 s. */
  readonly timeoutMs?: number;
  /** Called with each line as it comes, from both streams. */
  readonly onLine?: (line: string) => void;
  /** Called when it has started, with what a terminal does at Ctrl-C: SIGINT for its whole process group. */
  readonly onStart?: (interrupt: () => void) => void;
}

const timedOut = 124;

/** Process groups of the commands that run now. */
const running = new Set<number>();

/** Ends every command that runs now, for a program that was interrupted. */
export function endRunning(): void {
  for (const group of running) killGroup(group);
}

function killGroup(group: number): void {
  signalGroup(group, "SIGKILL");
}

function signalGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal);
  } catch {
    // It ended by itself a moment ago.
  }
}

/** Runs a command to its end. A non-zero exit is a result, not an exception; a missing program is one. */
export function run(command: readonly string[], options: RunOptions = {}): Promise<Result> {
  const [program, ...args] = command;
  if (program === undefined) throw new Error("run: empty command");
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ["pipe", "pipe", "pipe"],
      detached: true,
    });
    let stdout = "";
    let stderr = "";
    let late = false;
    if (child.pid !== undefined) running.add(child.pid);
    options.onStart?.(() => {
      if (child.pid !== undefined) signalGroup(child.pid, "SIGINT");
    });
    const timer = setTimeout(() => {
      late = true;
      if (child.pid !== undefined) killGroup(child.pid);
    }, options.timeoutMs ?? 120_000);
    const emit = lineSplitter(options.onLine);
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      emit(text);
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
      emit(text);
    });
    // A command that ends without reading its input closes the pipe: its exit code tells the story.
    child.stdin.on("error", () => undefined);
    child.stdin.end(options.input ?? "");
    child.on("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (child.pid !== undefined) running.delete(child.pid);
      resolve({ code: late ? timedOut : (code ?? (signal === null ? 1 : 137)), stdout, stderr });
    });
  });
}

/** Runs a command that has to succeed; returns its standard output. */
export async function must(command: readonly string[], options: RunOptions = {}): Promise<string> {
  const result = await run(command, options);
  if (result.code !== 0) {
    const why = result.code === timedOut ? "took too long" : `exit ${result.code}`;
    throw new Error(`${command.join(" ")}: ${why}\n${result.stdout}${result.stderr}`.trimEnd());
  }
  return result.stdout;
}

/**
 * The command, run in a network namespace. Only the network changes: `ip netns exec` would remount /sys and
 * hide the cgroups from systemd-nspawn.
 */
export function inNamespace(namespace: string, command: readonly string[]): string[] {
  return ["nsenter", `--net=/run/netns/${namespace}`, "--", ...command];
}

function lineSplitter(onLine: ((line: string) => void) | undefined): (text: string) => void {
  let rest = "";
  return (text) => {
    if (!onLine) return;
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    lines.forEach((line) => onLine(line));
  };
}
