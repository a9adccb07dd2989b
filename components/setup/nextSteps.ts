import type { Answers } from "./answers.ts";

/** The last words: what there is now, and what to type next. */
export function renderNextSteps(
  stack: string,
  file: string,
  { home, homeName, names, devices }: Answers,
): string {
  const createsZone = names?.provider === "hetzner" && names.createZone;
  return `${file} is written, and the stack ${stack} made. Nothing is ordered yet.

Next:
  npm run preview                 what will be made, in words
  npx pulumi up                   makes it, in about two minutes${[
    ...(home.install === "manual"
      ? [[`(umask 077; npm run -s home ${homeName} > home.sh)`, "the script for the home"] as const]
      : []),
    ...(createsZone
      ? [["npx pulumi stack output nameservers", "to enter where you have the domain"] as const]
      : []),
    ...devices.map((name) => [`npm run device -- ${name}`, `the configuration of ${name}`] as const),
  ]
    .map(([command, means]) => `\n  ${command.padEnd(31)} ${means}, after that`)
    .join("")}`;
}
