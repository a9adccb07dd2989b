import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { MachineFile } from "./machines.ts";
import { paths } from "./paths.ts";
import { must } from "./shell.ts";

/** Debian's list of authorities, which curl and OpenSSL read. */
const bundle = "/etc/ssl/certs/ca-certificates.crt";

const authority = join(paths.certificates, "authority");
const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "30"];

/** Makes the lab's certificate authority. It lives as long as the lab. */
export async function makeAuthority(): Promise<void> {
  await mkdir(paths.certificates, { recursive: true, mode: 0o700 });
  const extensions = ["-addext", "keyUsage=critical,keyCertSign"];
  const files = ["-keyout", `${authority}.key`, "-out", `${authority}.pem`];
  await must(["openssl", "req", "-x509", ...newKey, "-subj", "/CN=Lab authority", ...extensions, ...files]);
}

/** A certificate for these names, signed by the lab's authority, and its key. */
export async function certify(
  name: string,
  domains: readonly string[],
): Promise<{ readonly cert: string; readonly key: string }> {
  const file = join(paths.certificates, name);
  const subject = [
    "-subj",
    `/CN=${name}`,
    "-addext",
    `subjectAltName=${domains.map((it) => `DNS:${it}`).join()}`,
  ];
  const signer = ["-CA", `${authority}.pem`, "-CAkey", `${authority}.key`];
  const extensions = ["-addext", "basicConstraints=critical,CA:FALSE"];
  const files = ["-keyout", `${file}.key`, "-out", `${file}.pem`];
  await must(["openssl", "req", "-x509", ...newKey, ...subject, ...extensions, ...signer, ...files]);
  return { cert: await readFile(`${file}.pem`, "utf8"), key: await readFile(`${file}.key`, "utf8") };
}

/** The list of authorities of a machine: that of its system, and the lab's own. */
export async function trustStore(root: string): Promise<MachineFile> {
  const own = await readFile(join(root, bundle), "utf8");
  return { path: bundle, content: own + (await readFile(`${authority}.pem`, "utf8")) };
}
