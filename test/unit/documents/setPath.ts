/** As `pulumi config set --path` does it: `home-relay:homes[0].ssh.password`. */
export function setPath(config: Record<string, unknown>, path: string, value: string): void {
  const [section = "", ...keys] = path.split(/[.[\]]+/).filter((key) => key !== "");
  const last = keys.pop() ?? "";
  const target = keys.reduce((at, key) => (at as Record<string, unknown>)[key], config[section]);
  (target as Record<string, unknown>)[last] = value;
}
