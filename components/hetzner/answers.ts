/** The body of an answer that refuses. */
export interface ErrorAnswer {
  readonly error?: { readonly code?: string; readonly message?: string };
}

const setToken = "pulumi config set --secret hcloud:token";

/** A token that answers questions and lets nothing be made. */
export const explainReadOnly = `hcloud:token: it may only read
  create one with read and write access in the project's console, then: ${setToken}`;

/** What an answer of Hetzner's API other than success means, and what to do. */
export function explainRefusal(status: number, body: ErrorAnswer | undefined): string {
  const said = body?.error?.message ?? "no reason given";
  const code = body?.error?.code ?? `status ${status}`;
  if (status === 401)
    return `hcloud:token: Hetzner does not know it (${said})\n  create one with read and write access in the project's console, then: ${setToken}`;
  if (status === 403)
    return `hcloud:token: Hetzner does not let it do that (${said})\n  create one with read and write access in the project's console, then: ${setToken}`;
  if (status === 429)
    return `Hetzner answers no more questions of this project for now (${said})\n  wait a few minutes, then run the same command again`;
  return `Hetzner's API is not well: ${said} (${code})\n  see https://status.hetzner.com, then run the same command again`;
}

/** Why no answer came at all. */
export function explainSilence(endpoint: string, error: unknown): string {
  return `Hetzner's API at ${endpoint} cannot be reached: ${reason(error)}\n  check the connection of this machine and hcloud:endpoint, then run the same command again`;
}

/** `fetch` hides what happened below "fetch failed". */
function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "TimeoutError") return "no answer in time";
  return error.cause instanceof Error ? reason(error.cause) : error.message || error.name;
}
