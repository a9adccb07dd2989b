import { parse } from "yaml";

/** A stack file for whoever cannot decrypt it. */
export interface WithoutSecrets {
  /** What it has under `config`, encrypted values left out. */
  readonly config: unknown;
  /** Where one was left out, as `pulumi config set --path` takes it, and a value of the same form. */
  readonly secrets: readonly { readonly path: string; readonly placeholder: string }[];
}

/** Takes the encrypted values out of a stack file's text, wherever and in whatever spelling of YAML they stand. */
export function withoutSecrets(text: string): WithoutSecrets {
  const { config = {} } = (parse(text) ?? {}) as { config?: Record<string, unknown> };
  const secrets: { path: string; placeholder: string }[] = [];
  const kept = Object.entries(config).map(([key, value]) => [key, take(value, key, secrets)] as const);
  return { config: Object.fromEntries(kept.filter(([, value]) => value !== undefined)), secrets };
}

function take(node: unknown, path: string, secrets: { path: string; placeholder: string }[]): unknown {
  if (Array.isArray(node)) return node.map((item, i) => take(item, `${path}[${i}]`, secrets));
  if (typeof node !== "object" || node === null) return node;
  if (Object.keys(node).join() === "secure") {
    secrets.push({ path, placeholder: path === "hcloud:token" ? "0".repeat(64) : placeholder });
    return undefined;
  }
  const kept = Object.entries(node).map(
    ([key, value]) => [key, take(value, `${path}.${key}`, secrets)] as const,
  );
  return Object.fromEntries(kept.filter(([, value]) => value !== undefined));
}

/** Of a form that each of the services takes. */
const placeholder = "00000000-0000-0000-0000-000000000000";
