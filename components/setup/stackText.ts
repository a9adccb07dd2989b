import { Document, isMap, isNode, isScalar, isSeq } from "yaml";
import type { Node } from "yaml";
import { settingsOf } from "./answers.ts";
import type { Answers, ChosenForward } from "./answers.ts";

const head = ` yaml-language-server: $schema=docs/stack-file.schema.json
 Written by npm run setup, and yours from here on: change it, look (npm run preview), then npx pulumi up.
 Every key there is, with its default: docs/settings.md. A secret stands here encrypted alone; it is set with
 pulumi config set --secret.`;

/** The stack file: the settings, with what a reader of each may want to know. */
export function renderStackText(answers: Answers): string {
  const sections: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(settingsOf(answers))) sections[`home-relay:${key}`] = value;
  const document = new Document<Node>({ config: sections });
  document.commentBefore = head;
  explain(document, ["config", "home-relay:relay"], relayComment(answers));
  explain(document, ["config", "home-relay:homes"], homeComment(answers));
  explain(
    document,
    ["config", "home-relay:homes", 0, "forwards"],
    "Port on the relay : port at home / protocol, as in a Compose file. Keep the quotes.",
  );
  explain(document, ["config", "home-relay:dns"], namesComment(answers));
  explain(
    document,
    ["config", "home-relay:devices"],
    "What each may reach. Its configuration, and a code for its camera, after pulumi up: npm run device -- NAME",
  );
  for (const [i, forward] of answers.forwards.entries())
    explainForward(document.getIn(["config", "home-relay:homes", 0, "forwards", i], true), forward);
  inOneLine(document.getIn(["config", "home-relay:dns", "names"], true));
  for (const i of answers.devices.keys())
    inOneLine(document.getIn(["config", "home-relay:devices", i], true));
  return document.toString({ lineWidth: 0, flowCollectionPadding: false });
}

/** Puts a comment before a key, where there is one. */
function explain(document: Document, path: readonly (string | number)[], comment: string): void {
  const mapping = document.getIn(path.slice(0, -1), true);
  if (!isMap(mapping)) return;
  const pair = mapping.items.find(({ key }) => isScalar(key) && key.value === path.at(-1));
  if (pair !== undefined && isScalar(pair.key)) pair.key.commentBefore = comment.replaceAll(/^/gm, " ");
}

function relayComment({ relay }: Answers): string {
  return relay.provider === "hetzner"
    ? "The server that Hetzner makes. Another location means other addresses; another type restarts it."
    : "The machine that you have already. What else runs on it stays.";
}

function homeComment({ home }: Answers): string {
  switch (home.install) {
    case "ssh":
      return "As this machine, the one that runs pulumi, reaches the home. No other host key is accepted.";
    case "local":
      return "The home is the machine that runs pulumi.";
    case "manual":
      return "The home is set up by a script that you run there: npm run home prints it, after pulumi up.";
  }
}

function namesComment({ names }: Answers): string {
  if (names === undefined) return "";
  if (names.provider !== "hetzner")
    return `Kept by the service. Its token: pulumi config set --secret --path 'home-relay:dns.token'`;
  return names.createZone
    ? "The zone is made with this stack, and goes with it. Where you have the domain, enter the nameservers:\npulumi stack output nameservers"
    : 'The zone is at Hetzner already. "@" is the zone itself.';
}

function explainForward(node: unknown, { service, danger }: ChosenForward): void {
  const remarks = [service, danger].filter((one) => one !== undefined);
  if (isScalar(node)) node.type = "QUOTE_DOUBLE";
  inOneLine(node);
  if (isNode(node) && remarks.length > 0) node.comment = ` ${remarks.join("; ")}`;
}

function inOneLine(node: unknown): void {
  if (isMap(node)) for (const { value } of node.items) inOneLine(value);
  if (isMap(node) || isSeq(node)) node.flow = true;
}
