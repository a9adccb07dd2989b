import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { ApiError, Unexpected } from "./errors.ts";
import type { Answer } from "./operation.ts";
import { Call, checkQuery } from "./operation.ts";
import { match, routes } from "./routes.ts";
import type { World } from "./world.ts";

/** A request as it came and how it was answered. */
export interface Seen {
  readonly method: string;
  /** With the query, as sent. */
  readonly path: string;
  readonly body: unknown;
  readonly status: number;
}

export interface Journal {
  requests: Seen[];
  /** Requests that this stand-in does not know, and what it did not know about them. */
  unexpected: string[];
  log(line: string): void;
}

const hourlyLimit = 3600;

/** Serves the API; returns how to end it. */
export async function serveApi(
  world: World,
  token: string,
  journal: Journal,
  port: number,
  address: string,
): Promise<() => Promise<void>> {
  const allowance = new Allowance();
  const server = createServer((request, response) => {
    handle(world, token, journal, request)
      .then(({ status, body }) => {
        response.writeHead(status, {
          ...(body === undefined ? {} : { "Content-Type": "application/json; charset=utf-8" }),
          ...allowance.headers(),
          "X-Correlation-Id": randomBytes(8).toString("hex"),
        });
        response.end(body === undefined ? undefined : JSON.stringify(body));
      })
      .catch((error: unknown) => {
        // The client hung up before its request was whole.
        journal.log(`request lost: ${messageOf(error)}`);
        response.destroy();
      });
  });
  server.listen(port, address);
  await once(server, "listening");
  return async () => {
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  };
}

async function handle(
  world: World,
  token: string,
  journal: Journal,
  request: IncomingMessage,
): Promise<Answer> {
  const { method = "", url: path = "" } = request;
  const raw = await text(request);
  let body: unknown = raw;
  let answer: Answer;
  try {
    refuse(world, token, method, request.headers.authorization);
    body = parseBody(raw, request.headers["content-type"]);
    answer = await dispatch(world, method, path, body);
  } catch (error) {
    answer = failure(error);
    if (!(error instanceof ApiError)) journal.unexpected.push(`${method} ${path}: ${messageOf(error)}`);
  }
  journal.requests.push({ method, path, body, status: answer.status });
  journal.log(
    `${method} ${path} ${answer.status}${answer.status < 400 ? "" : ` ${JSON.stringify(answer.body)}`}`,
  );
  return answer;
}

function refuse(world: World, token: string, method: string, authorization: string | undefined): void {
  const given = /^Bearer (.+)$/.exec(authorization ?? "")?.[1];
  if (given === undefined) throw new ApiError(401, "unauthorized", "token is required");
  if (given !== token) throw new ApiError(401, "unauthorized", "the token you have provided is invalid");
  if (world.faults.readOnly && method !== "GET")
    throw new ApiError(403, "token_readonly", "the token is only allowed to perform GET requests");
  if (world.faults.rateLimit > 0) {
    world.faults.rateLimit--;
    throw new ApiError(429, "rate_limit_exceeded", `limit of ${hourlyLimit} requests per hour reached`);
  }
  if (world.faults.unavailable > 0) {
    world.faults.unavailable--;
    throw new ApiError(503, "unavailable", "the service is temporarily unavailable");
  }
}

function parseBody(raw: string, contentType: string | undefined): unknown {
  if (raw === "") return undefined;
  if (contentType?.split(";")[0]?.trim() !== "application/json") {
    throw new Unexpected(`a body of type ${contentType ?? "none"}`);
  }
  try {
    return JSON.parse(raw);
  } catch {
    throw new ApiError(400, "json_error", "could not parse the request body as JSON");
  }
}

async function dispatch(world: World, method: string, path: string, body: unknown): Promise<Answer> {
  const { pathname, searchParams } = new URL(path, "http://api");
  const [version, ...segments] = pathname.split("/").slice(1).map(decodeURIComponent);
  if (version !== "v1") throw new Unexpected("the API lives below /v1");
  for (const [known, pattern, operation] of routes) {
    const params = known === method ? match(pattern, segments) : undefined;
    if (params === undefined) continue;
    checkQuery(searchParams, operation.queryKeys);
    return operation.run(world, new Call(params, searchParams, body));
  }
  throw new Unexpected("no such route");
}

function failure(error: unknown): Answer {
  if (error instanceof ApiError) {
    return errorAnswer(error.status, error.code, error.message, error.details);
  }
  // What the stand-in does not know is 501; what the data centre refused or got wrong is 500. Neither is retried.
  return error instanceof Unexpected
    ? errorAnswer(501, "unexpected_request", `the stand-in cloud does not know this: ${error.message}`, null)
    : errorAnswer(500, "server_error", `the stand-in cloud failed: ${messageOf(error)}`, null);
}

function errorAnswer(status: number, code: string, message: string, details: unknown): Answer {
  return { status, body: { error: { code, message, details } } };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The rate limit headers: one request comes back per second. They are told, not enforced. */
class Allowance {
  #used = 0;
  #since = Date.now();

  headers(): Record<string, string> {
    const seconds = (Date.now() - this.#since) / 1000;
    this.#since = Date.now();
    this.#used = Math.max(0, this.#used - seconds) + 1;
    return {
      "RateLimit-Limit": String(hourlyLimit),
      "RateLimit-Remaining": String(Math.max(0, Math.floor(hourlyLimit - this.#used))),
      "RateLimit-Reset": String(Math.ceil(Date.now() / 1000 + this.#used)),
    };
  }
}
