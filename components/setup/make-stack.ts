/** The stack itself, as pulumi makes it, and its file. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { atExit } from "../host/atExit.ts";
import { collect, end, start } from "../host/connection.ts";
import { Problem } from "../host/program.ts";

/** What stands in a stack file encrypted alone: the key as pulumi takes it, and the value. */
export interface Secret {
  readonly key: string;
  readonly value: string;
}

/** Where the state's secrets are kept with a passphrase, and pulumi would ask for it. */
export function needsPassphrase(): boolean {
  const { PULUMI_CONFIG_PASSPHRASE, PULUMI_CONFIG_PASSPHRASE_FILE, PULUMI_BACKEND_URL } = process.env;
  const written = existsSync("Pulumi.yaml") ? readFileSync("Pulumi.yaml", "utf8") : "";
  const backend =
    PULUMI_BACKEND_URL ?? /^backend:\n(?:\s+.*\n)*?\s+url: (\S+)/m.exec(written)?.[1] ?? "file://~";
  return (
    PULUMI_CONFIG_PASSPHRASE === undefined &&
    PULUMI_CONFIG_PASSPHRASE_FILE === undefined &&
    !backend.startsWith("https://")
  );
}

/** Writes the file, makes the stack and stores the secrets; unless all of it comes about, all goes as it was. */
export async function makeStack(
  stack: string,
  file: string,
  text: string,
  passphrase: string | undefined,
  secrets: readonly Secret[],
): Promise<void> {
  let isWhole = false;
  let isBegun = false;
  const environment = passphrase === undefined ? {} : { PULUMI_CONFIG_PASSPHRASE: passphrase };
  // One that somebody has made meanwhile is not ours.
  try {
    writeFileSync(file, text, { flag: "wx" });
  } catch (error) {
    throw new Problem(`${file} cannot be written, so nothing was made: ${(error as Error).message}`);
  }
  atExit(() => {
    if (isWhole) return;
    if (isBegun)
      spawnSync("pulumi", ["stack", "rm", "--yes", "--non-interactive", stack], {
        env: { ...process.env, ...environment },
        stdio: "ignore",
      });
    rmSync(file, { force: true });
  });
  isBegun = true;
  await pulumi(["stack", "init", stack], environment);
  for (const { key, value } of secrets)
    await pulumi(["config", "set", "--secret", "--path", key, "--stack", stack], environment, value);
  isWhole = true;
}

async function pulumi(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  input = "",
): Promise<string> {
  const child = start("pulumi", [...args, "--non-interactive"], environment, ["pipe", "pipe", "pipe"]);
  const [stdout, stderr] = [collect(child.stdout, []), collect(child.stderr, [])];
  child.stdin?.on("error", () => undefined).end(input);
  const code = await end(child);
  if (code === 0) return stdout.join("");
  throw new Problem(
    `pulumi ${args.slice(0, 2).join(" ")} failed, and nothing of this set-up is kept:\n${stderr.join("").trim()}`,
  );
}

/** Nothing is asked for a stack that cannot be made. */
export async function refuseTaken(stack: string, file: string): Promise<void> {
  if (existsSync(file))
    throw new Problem(`${file} is there already, and is never overwritten. Go on with it:
  npm run preview -- --stack ${stack}
or give the new stack another name:
  npm run setup -- --stack ${stack === "home" ? "home2" : "home"}`);
  if (!existsSync("Pulumi.yaml"))
    throw new Problem("Here is no Pulumi.yaml. Run npm run setup in the folder of home-relay.");
  const stacks = JSON.parse(await pulumi(["stack", "ls", "--json"], {})) as readonly {
    readonly name: string;
  }[];
  if (stacks.some(({ name }) => name.split("/").at(-1) === stack))
    throw new Problem(`There is a stack ${stack} already, without its file ${file}. Give the new one another name:
  npm run setup -- --stack ${stack}2
or, if nothing stands that it has made, remove it:  npx pulumi stack rm ${stack}`);
}
