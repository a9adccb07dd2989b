import { randomBytes } from "node:crypto";
import type { Connection, Ran } from "./connection.ts";
import { askingCommand, asRootIfAllowed, parseAnswers } from "./preflight.ts";
import type { HostAnswers, HostNeeds } from "./preflight.ts";
import { askParts } from "./scriptParts.ts";
import { readScript } from "./scriptText.ts";

/** How asking a host ended; without `answers` it was not asked, or not to the end. */
export interface Asked {
  readonly answers: HostAnswers | undefined;
  readonly ran: Ran;
}

export interface AskOptions {
  /** The end of its first boot is waited for. @default false */
  readonly isFirstBoot?: boolean;
}

/** Asks a host over one connection whether it can be what is needed. Nothing is changed there. */
export async function askHost(
  connection: Connection,
  needs: HostNeeds,
  { isFirstBoot = false }: AskOptions = {},
): Promise<Asked> {
  const mark = `home-relay-${randomBytes(6).toString("hex")}`;
  const now = Math.floor(Date.now() / 1000);
  const command = asRootIfAllowed(connection.user, askingCommand(needs, { mark, now, isFirstBoot }));
  const ran = await connection.run(command, { input: askParts.map(readScript).join("") });
  return { answers: parseAnswers(ran.stdout, mark), ran };
}
