/**
 * Stand-ins for those who are told things, reached over HTTPS at one address under their own names:
 *
 *   ntfy.sh               POST /TOPIC, with Title, Priority and Tags; a topic `mine…` wants the access token
 *   gotify.example.net    POST /message, JSON, with the application token
 *   hooks.slack.com       POST /services/…, JSON with `text`
 *   discord.com           POST /api/webhooks/…, JSON with `content`
 *   post.example.net      POST, anything; a path `/mine…` wants a bearer token
 *   hc-ping.com           POST /UUID or /UUID/fail
 *   beat.example.net      GET /…
 *
 * Covered is what a client needs that tells something: the answers to right and wrong requests as documented. A request
 * that the original has no use for gets 400 and counts as unexpected. Not covered: all that a service does with what it
 * was told, limits of how often, attachments, slugs of healthchecks.
 */
import { createServer } from "node:https";
import type { Server } from "node:https";
import type { IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";

export const noticeHosts = [
  "ntfy.sh",
  "gotify.example.net",
  "hooks.slack.com",
  "discord.com",
  "post.example.net",
  "hc-ping.com",
  "beat.example.net",
] as const;
type NoticeHost = (typeof noticeHosts)[number];

/** What a check may say to the services; each part is optional. */
export interface NoticeOrder {
  /** Paths that somebody made there, and the token that goes with each; empty: none. */
  readonly claim?: Readonly<Record<string, string>>;
  /** The next requests get these answers, whatever they say. */
  readonly answerNext?: readonly NoticeAnswer[];
  /** Forgets the requests of before, and what was to be answered next. */
  readonly reset?: boolean;
}

export interface NoticeReport {
  readonly notices: readonly Notice[];
  /** Requests that no service knows. */
  readonly unexpected: readonly string[];
}

/** What a service was told. */
export interface Notice {
  readonly host: string;
  readonly path: string;
  readonly title?: string;
  readonly text: string;
  /** As the service has it. */
  readonly priority?: number;
  readonly tags?: string;
  readonly status: number;
}

export interface NoticeAnswer {
  readonly status: number;
  readonly text?: string;
  readonly location?: string;
  /** How long the client waits for it. @default 0 */
  readonly delayMs?: number;
}

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** What is told, and the answer to it. */
type Told = NoticeAnswer & Partial<Omit<Notice, "status" | "host" | "path">>;

/** A request that the original has no use for. */
class Unexpected extends Error {}

/** Serves all of them; whoever has their certificate is at `port` of `address`. */
export async function serveNotices(
  certificate: { readonly cert: string; readonly key: string },
  address: string,
  log: (line: string) => void,
): Promise<{ readonly notices: Notices; readonly server: Server }> {
  const notices = new Notices(log);
  const server = createServer(certificate, (request, response) => {
    void notices.answer(request).then(({ status, text = "", location, delayMs = 0 }) => {
      setTimeout(
        () => response.writeHead(status, location === undefined ? {} : { Location: location }).end(text),
        delayMs,
      );
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.on("error", reject);
    server.listen(443, address, resolve);
  });
  return { notices, server };
}

export class Notices {
  readonly #log: (line: string) => void;
  readonly #claimed = new Map<string, string>();
  #orders: NoticeAnswer[] = [];
  #notices: Notice[] = [];
  #unexpected: string[] = [];

  constructor(log: (line: string) => void) {
    this.#log = log;
  }

  control(order: NoticeOrder): NoticeReport {
    const others = Object.keys(order).filter((key) => !["claim", "answerNext", "reset"].includes(key));
    if (others.length > 0) throw new Error(`there is no order ${others.join()}`);
    if (order.reset === true) {
      this.#notices = [];
      this.#unexpected = [];
      this.#orders = [];
    }
    for (const [path, token] of Object.entries(order.claim ?? {})) this.#claimed.set(path, token);
    this.#orders.push(...(order.answerNext ?? []));
    return { notices: this.#notices, unexpected: this.#unexpected };
  }

  async answer(request: IncomingMessage): Promise<NoticeAnswer> {
    const url = new URL(request.url ?? "/", `https://${request.headers.host ?? "nobody"}`);
    const { hostname: host } = url;
    const body = await text(request);
    const asked = {
      ...{ method: request.method ?? "", path: url.pathname, body },
      headers: request.headers,
    };
    const { delayMs, location, ...told } = this.#judge(host, asked);
    this.#notices.push({ host, path: asked.path + url.search, ...withoutToldText(told, body) });
    this.#log(`${host}: ${told.status} ${body}`);
    return {
      status: told.status,
      ...(told.answer === undefined ? {} : { text: told.answer }),
      ...(location === undefined ? {} : { location }),
      ...(delayMs === undefined ? {} : { delayMs }),
    };
  }

  #judge(host: string, asked: Asked): Told & { readonly answer?: string } {
    const ordered = this.#orders.shift();
    if (ordered !== undefined) return { ...ordered, answer: ordered.text ?? "", text: asked.body };
    try {
      const known = noticeHosts.find((each) => each === host);
      if (known === undefined) throw new Unexpected(`host ${host}`);
      return this.#tell(known, asked);
    } catch (error) {
      if (!(error instanceof Unexpected)) throw error;
      this.#unexpected.push(`${host}: ${error.message}`);
      return { status: 400, answer: `the lab does not know this: ${error.message}` };
    }
  }

  #tell(host: NoticeHost, asked: Asked): Told & { readonly answer?: string } {
    const { path, body } = asked;
    if (asked.method !== (host === "beat.example.net" ? "GET" : "POST"))
      throw new Unexpected(`method ${asked.method}`);
    switch (host) {
      case "ntfy.sh":
        return this.#ntfy(asked);
      case "gotify.example.net":
        return this.#gotify(asked);
      case "hooks.slack.com":
        if (!this.#claimed.has(path)) return { status: 404, answer: "no_service" };
        return { status: 200, answer: "ok", text: textOf(json(asked, ["text"]), "text") };
      case "discord.com": {
        if (!this.#claimed.has(path))
          return { status: 404, answer: '{"message": "Unknown Webhook", "code": 10015}' };
        const content = textOf(json(asked, ["content", "allowed_mentions"]), "content");
        if (content.length > 2000) throw new Unexpected("more than 2000 characters");
        return { status: 204, text: content };
      }
      case "post.example.net":
        if (path.startsWith("/mine") && bearer(asked) !== this.#claimed.get(path)) return { status: 401 };
        return { status: 200, text: body };
      case "hc-ping.com": {
        const [, check = ""] = /^(\/[0-9a-f-]{36})(\/fail)?$/.exec(path) ?? [];
        if (!this.#claimed.has(check)) return { status: 404, answer: "(not found)" };
        return { status: 200, answer: "OK", text: body };
      }
      case "beat.example.net":
        if (body !== "") throw new Unexpected("a body");
        return this.#claimed.has(path) ? { status: 200, answer: "OK", text: "" } : { status: 404 };
    }
  }

  #ntfy(asked: Asked): Told & { readonly answer?: string } {
    if (!/^\/[\w-]{1,64}$/.test(asked.path)) throw new Unexpected(`topic ${asked.path}`);
    if (asked.path.startsWith("/mine") && bearer(asked) !== this.#claimed.get(asked.path))
      return { status: 403, answer: '{"code":40301,"http":403,"error":"forbidden"}' };
    if (asked.body.length > 4096) throw new Unexpected("a message that would be an attachment");
    const priority = Number(asked.headers["priority"] ?? 3);
    if (!Number.isInteger(priority) || priority < 1 || priority > 5) throw new Unexpected("priority");
    const title = String(asked.headers["title"] ?? "");
    return {
      ...{ status: 200, answer: "{}", text: asked.body, title, priority },
      tags: String(asked.headers["tags"] ?? ""),
    };
  }

  #gotify(asked: Asked): Told & { readonly answer?: string } {
    if (asked.path !== "/message") throw new Unexpected(`path ${asked.path}`);
    if (asked.headers["x-gotify-key"] !== this.#claimed.get("gotify"))
      return { status: 401, answer: '{"error":"Unauthorized"}' };
    const message = json(asked, ["title", "message", "priority"]);
    if (typeof message["priority"] !== "number") throw new Unexpected("priority");
    const title = textOf(message, "title");
    return { status: 200, title, text: textOf(message, "message"), priority: message["priority"] };
  }
}

function withoutToldText(
  told: Told & { readonly answer?: string },
  body: string,
): Omit<Notice, "host" | "path"> {
  const { status, title, text = body, priority, tags } = told;
  return {
    ...(title === undefined ? {} : { title }),
    text,
    ...(priority === undefined ? {} : { priority }),
    ...(tags === undefined ? {} : { tags }),
    status,
  };
}

function bearer({ headers }: Asked): string | undefined {
  return /^Bearer (\S+)$/.exec(String(headers["authorization"] ?? ""))?.[1];
}

/** A JSON object with no other keys. */
function json({ headers, body }: Asked, keys: readonly string[]): Readonly<Record<string, unknown>> {
  if (!String(headers["content-type"]).startsWith("application/json")) throw new Unexpected("no JSON");
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new Unexpected(`no JSON: ${body}`);
  }
  if (typeof value !== "object" || value === null) throw new Unexpected("no JSON object");
  const others = Object.keys(value).filter((key) => !keys.includes(key));
  if (others.length > 0) throw new Unexpected(`key ${others.join()}`);
  return value as Readonly<Record<string, unknown>>;
}

function textOf(message: Readonly<Record<string, unknown>>, key: string): string {
  const value = message[key];
  if (typeof value !== "string" || value === "") throw new Unexpected(`no ${key}`);
  return value;
}
