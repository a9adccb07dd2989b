/** Who can be told, by the word that a user writes. */
export const notifyServices = [
  "ntfy",
  "gotify",
  "slack",
  "discord",
  "post",
  "healthchecks",
  "heartbeat",
] as const;

/** Somebody who is told what becomes of the homes, or that the relay lives. */
export interface NotifyService {
  readonly service: (typeof notifyServices)[number];
  /** A secret: who knows it may write there. */
  readonly url: string;
  /** A secret that goes beside the URL. `undefined`: the URL is enough. */
  readonly token: string | undefined;
}
