/**
 * `npm run device -- NAME [--config] [ARGUMENTS OF PULUMI]`: prints a device's configuration from the stack's outputs,
 * and a QR code of it that WireGuard's app reads; with --config the configuration alone.
 */
import { readStackOutputs } from "../host/stackOutputs.ts";
import { renderQrCode } from "./qrCode.ts";

main(process.argv.slice(2));

function main(args: readonly string[]): void {
  const [first = ""] = args;
  const name = first.startsWith("-") ? undefined : first;
  const rest = (name === undefined ? args : args.slice(1)).filter((argument) => argument !== "--config");
  const { devices, addresses } = readOutputs(rest);
  const config = name === undefined ? undefined : devices.get(name);
  if (config === undefined) die(missing(name, [...devices.keys()]));
  process.stdout.write(args.includes("--config") ? config : show(name ?? "", config, addresses));
}

interface Outputs {
  /** Configurations by device. */
  readonly devices: ReadonlyMap<string, string>;
  /** IPv4 in the tunnel, by home and device. */
  readonly addresses: ReadonlyMap<string, string>;
}

function readOutputs(args: readonly string[]): Outputs {
  const { devices = {}, tunnelAddresses = {} } = readStackOutputs(args) as {
    devices?: Record<string, string>;
    tunnelAddresses?: Record<string, { readonly ipv4: string }>;
  };
  const addresses = Object.entries(tunnelAddresses).map(([name, { ipv4 }]) => [name, ipv4] as const);
  return { devices: new Map(Object.entries(devices)), addresses: new Map(addresses) };
}

function missing(name: string | undefined, known: readonly string[]): string {
  if (known.length === 0)
    return "The stack has no devices yet. Name them in its settings, for example devices: [laptop, phone], then: pulumi up";
  const list = `The stack's devices: ${known.join(", ")}`;
  return name === undefined || name === ""
    ? `Which device? npm run device -- NAME\n${list}`
    : `The stack has no device "${name}". A new one is there after: pulumi up\n${list}`;
}

function show(name: string, config: string, addresses: Outputs["addresses"]): string {
  const others = [...addresses].filter(([other]) => other !== name).map((one) => one.join(" "));
  const code = renderQrCode(config);
  return [
    `${config}\n`,
    code ?? "It is too long for a QR code: import it as a file.\n",
    `\nIn WireGuard's app: add a tunnel, scan the code. It holds the device's private key: show it to nobody else.\n`,
    `As a file: npm run --silent device -- ${name} --config >${name}.conf\n`,
    `For wg-quick it has to be /etc/wireguard/${name}.conf: Ubuntu lets it read no other folder.\n`,
    `In the tunnel: ${others.join(", ")}\n`,
  ].join("");
}

function die(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
