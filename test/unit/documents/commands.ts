/** Every command of README.md and docs/, and what runs it. */

/** Commands that a check runs, or that none can. */
export type Entry = { readonly command: RegExp } & (
  | {
      /** A file of test/ that runs it, and words of it that stand there. */
      readonly runBy: string;
      readonly as: string;
    }
  | { readonly notRun: string }
);

const readme = "lab/checks/readme.test.ts";

/** Each is matched against the whole command, without `npx ` and without what a shell takes for a comment. */
export const entries: readonly Entry[] = [
  // The first hour.
  { command: /^git clone REPOSITORY home-relay$/, runBy: readme, as: "git clone REPOSITORY home-relay" },
  { command: /^cd home-relay$/, runBy: readme, as: "cd home-relay" },
  { command: /^npm ci( --omit=dev)?$/, runBy: readme, as: "npm ci --omit=dev" },
  {
    command: /^cp examples\/hetzner\.yaml Pulumi\.home\.yaml$/,
    runBy: readme,
    as: "cp examples/hetzner.yaml",
  },
  { command: /^ssh-keyscan -t ed25519 192\.168\.1\.10$/, runBy: readme, as: "ssh-keyscan -t ed25519" },
  {
    command: /^ssh-keygen -lf( \/etc\/ssh\/ssh_host_ed25519_key\.pub)?$/,
    runBy: readme,
    as: "ssh-keygen -lf",
  },
  { command: /^ssh-keygen -R ADDRESS$/, notRun: "takes a key out of the user's own known_hosts" },
  {
    command: /^export PULUMI_CONFIG_PASSPHRASE_FILE=/,
    runBy: readme,
    as: "export PULUMI_CONFIG_PASSPHRASE_FILE",
  },
  { command: /^npm run setup$/, runBy: "lab/checks/setup.test.ts", as: "components/set-up-stack.ts" },
  { command: /^npm run setup -- --help$/, runBy: readme, as: "npm run setup -- --help" },
  { command: /^npm run demo( -- down)?$/, runBy: "lab/checks/demo.test.ts", as: "npm run demo -- down" },

  // Settings.
  {
    command: /^pulumi config set --secret hcloud:token$/,
    runBy: readme,
    as: "config set --secret hcloud:token",
  },
  {
    command: /^pulumi config set --secret --path '?home-relay:dns\.token'?$/,
    runBy: "lab/checks/examples.test.ts",
    as: "home-relay:dns.token",
  },
  {
    command: /^pulumi config set --secret --path '?home-relay:dns\.(password|url)'?$/,
    runBy: "lab/checks/dyndns.test.ts",
    as: "setSecret(`home-relay:dns.${secret.key}`",
  },
  {
    command: /^pulumi config set --secret --path 'home-relay:homes\[0\]\.ssh\.password'$/,
    runBy: "lab/checks/homeAccess.test.ts",
    as: "home-relay:homes[0].ssh.password",
  },
  {
    command: /^pulumi config set --secret --path 'home-relay:relay\.password'$/,
    runBy: "lab/checks/existingVps.test.ts",
    as: "home-relay:relay.password",
  },
  {
    command: /^pulumi config set --secret --path 'home-relay:notify\[0\]\.url'$/,
    runBy: "lab/checks/examples.test.ts",
    as: "home-relay:notify[0].url",
  },

  // The stack.
  { command: /^pulumi (up|preview|destroy)$/, runBy: readme, as: "npx pulumi destroy" },
  { command: /^pulumi preview --diff$/, runBy: readme, as: "npx pulumi preview --diff" },
  { command: /^pulumi up --refresh$/, runBy: "lab/checks/goodbye.test.ts", as: 'up(["--refresh"])' },
  {
    command: /^pulumi destroy --refresh$/,
    runBy: "lab/checks/goodbye.test.ts",
    as: '"destroy", ["--refresh"]',
  },
  {
    command: /^pulumi up --continue-on-error$/,
    runBy: "lab/checks/severalHomes.test.ts",
    as: '["--continue-on-error"]',
  },
  {
    command: /^pulumi up --replace '\*\*(relay-firewall-rules|nas-guard)'$/,
    runBy: "lab/checks/goodbye.test.ts",
    as: '"**nas-guard", "--replace", "**relay-firewall-rules"',
  },
  {
    command: /^pulumi up --replace '\*\*-notify-watch'$/,
    runBy: "lab/checks/notify.test.ts",
    as: "**-notify-watch",
  },
  { command: /^pulumi up --replace '\*\*-relay-server'$/, runBy: readme, as: "**-relay-server" },
  { command: /^pulumi cancel$/, runBy: "lab/checks/interrupted.test.ts", as: '"cancel"' },
  {
    command: /^pulumi refresh --clear-pending-creates$/,
    runBy: "lab/checks/goodbye.test.ts",
    as: "--clear-pending-creates",
  },
  { command: /^pulumi stack (init|select) home$/, runBy: readme, as: "npx pulumi stack select home" },
  {
    command: /^pulumi stack (export|import) --file stack\.json$/,
    runBy: readme,
    as: "stack import --file stack.json",
  },
  {
    command: /^pulumi stack rm home( --force)? --preserve-config$/,
    runBy: readme,
    as: "rm home --force --preserve-config",
  },
  { command: /^pulumi stack rename NAME$/, runBy: "lab/operator.ts", as: '"stack", "rename"' },
  {
    command: /^pulumi stack output( tunnelAddresses| inside| reachability)?$/,
    runBy: readme,
    as: "npx pulumi stack output reachability",
  },
  {
    command: /^pulumi stack output nameservers$/,
    runBy: readme,
    as: "npx pulumi stack output nameservers",
  },

  // What looks and shows.
  { command: /^npm run preview$/, runBy: readme, as: "npm run preview" },
  { command: /^npm run preview -- --base main$/, runBy: readme, as: "npm run preview -- --base main" },
  { command: /^npm run (-s )?status( -- --json)?$/, runBy: readme, as: "npm run -s status -- --json" },
  {
    command: /^npm run status -- --stack dev$/,
    runBy: "lab/checks/status.test.ts",
    as: '"--stack", lab.operator.stack',
  },
  {
    command: /^npm run (-s )?check( -- --json| -- --mend)?$/,
    runBy: readme,
    as: "npm run -s check -- --json",
  },
  { command: /^npm run check -- --stack dev$/, runBy: readme, as: "npm run check -- --stack dev" },
  { command: /^npm run -s picture > stack\.svg$/, runBy: readme, as: "npm run -s picture > stack.svg" },
  { command: /^npm run (-s )?device -- (phone|NAME)$/, runBy: readme, as: "npm run device -- phone" },
  {
    command: /^\(umask 077; npm run --silent device -- phone --config/,
    runBy: readme,
    as: "device -- phone --config",
  },

  // A home by hand.
  {
    command: /^\(umask 077; npm run -s home \w+( wireguard)? > /,
    runBy: "lab/checks/homeByHand.test.ts",
    as: "components/home/print-home.ts",
  },
  {
    command: /^sudo bash \w+\.sh install$/,
    runBy: "lab/checks/homeByHand.test.ts",
    as: 'byScript("install")',
  },
  { command: /^sudo bash \w+\.sh remove$/, runBy: "lab/checks/homeByHand.test.ts", as: 'byScript("remove")' },

  // Version control.
  { command: /^git pull$/, runBy: readme, as: "git pull" },
  { command: /^git add --force Pulumi\.home\.yaml$/, runBy: readme, as: "git add --force Pulumi.home.yaml" },

  // On the hosts.
  { command: /^sudo wg-quick up phone$/, runBy: "lab/device.ts", as: '"wg-quick", "up"' },
  {
    command: /^curl http:\/\/10\.77\.0\.1:18546\/metrics$/,
    runBy: "lab/checks/metrics.test.ts",
    as: "/metrics",
  },
  { command: /^journalctl -u homerelay-mend$/, runBy: readme, as: "journalctl -u homerelay-mend" },
  {
    command: /^journalctl -u homerelay-notify$/,
    runBy: "lab/checks/notify.test.ts",
    as: "journalctl --unit homerelay-notify",
  },
  {
    command: /^systemctl status homerelay-dyndns$/,
    runBy: "lab/checks/dyndns.test.ts",
    as: "systemctl status homerelay-dyndns",
  },
  {
    command: /^journalctl -u homerelay-new-keys$/,
    runBy: "lab/checks/rotation.test.ts",
    as: "journalctl -u homerelay-new-keys",
  },
  {
    command: /^nft list table inet homerelay(_counters)?$/,
    runBy: readme,
    as: "nft list table inet homerelay_counters",
  },
  { command: /^nft flush ruleset$/, runBy: "lab/checks/selfHeal.test.ts", as: "nft flush ruleset" },
  { command: /^nft -f \/etc\/nftables\.conf$/, runBy: readme, as: "nft -f /etc/nftables.conf" },
  { command: /^systemctl restart nftables$/, runBy: readme, as: "systemctl restart nftables" },
  {
    command:
      /^systemctl stop (wg-quick@homerelay )?homerelay-mend\.timer homerelay-mend\.service( homerelay-table\.socket)?$/,
    runBy: readme,
    as: "systemctl stop wg-quick@homerelay homerelay-mend.timer homerelay-mend.service",
  },

  // What none runs.
  {
    command: /^(npm run|curl -[46]|systemctl enable|ufw limit)$/,
    notRun: "the beginning of a command, in a sentence",
  },
  {
    command: /^npm run bench:/,
    notRun:
      "measures for up to half an hour and writes docs/benchmarks.md; what it is made of is tested in unit/bench",
  },
  { command: /^ufw limit ssh$/, notRun: "named as what others have on their machines" },
  {
    command: /^ufw prepend allow proto tcp from ADDRESS to any port 22$/,
    notRun:
      "for a firewall of the user's own; the message that has it is tested in contract/host/sharedConnection",
  },
];

const programs =
  "npm|pulumi|git|ssh|ssh-keyscan|ssh-keygen|ssh-copy-id|scp|systemctl|journalctl|nft|wg|wg-quick|curl|sudo|cp|cd|export|ufw|bash";
const start = new RegExp(`^(?:\\(umask 077; )?(?:${programs}) [^{]`);

/** What somebody may type: lines of fenced blocks that begin with a command, and commands within a sentence. */
export function commandsIn(text: string): string[] {
  const fence = /^( *)```.*\n([^]*?)^\1```$/gm;
  const blocks = [...text.matchAll(fence)].map(([, , block = ""]) => lines(block));
  const typed = blocks.filter(([first = ""]) => start.test(first)).flat();
  const inSentences = [...text.replaceAll(fence, "").matchAll(/`([^`\n]+)`/g)].map(([, code = ""]) =>
    plain(code),
  );
  return [...typed, ...inSentences.filter((code) => start.test(code))];
}

const lines = (block: string) =>
  block
    .split("\n")
    .map(plain)
    .filter((line) => line !== "");

/** Without the shell's comment, or what a column beside it says, and without `npx `. */
const plain = (line: string) =>
  line
    .replace(/ {2,}.*$| +#.*$/, "")
    .replace(/^npx /, "")
    .trim();
