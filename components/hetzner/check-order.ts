/**
 * Runs on the operator's machine before anything is ordered. Document: order.ts; secrets: orderAsker.ts. Ends with
 * exit code 1 and every problem there is, or with 0 and a line about what will be ordered. It changes nothing.
 */
import { Problem, readDocument, readSecrets, runProgram } from "../host/program.ts";
import { explainReadOnly } from "./answers.ts";
import { Api } from "./api.ts";
import { judgeNames, remarkDelegation } from "./judgeNames.ts";
import type { Rrset, Zone } from "./judgeNames.ts";
import { judgeServer } from "./judgeServer.ts";
import type { Offer, Server, Verdict } from "./judgeServer.ts";
import { judgeTaken } from "./judgeTaken.ts";
import { createAskingStack, isOwn } from "./makers.ts";
import type { AskingStack, Named, SshKey } from "./makers.ts";
import { parseOrder } from "./order.ts";
import type { DnsOrder, Order, RelayOrder } from "./order.ts";
import { parseOrderAsker } from "./orderAsker.ts";
import type { OrderAsker } from "./orderAsker.ts";

await runProgram(async () => {
  try {
    await main();
  } catch (error) {
    const problem = (error as Error).message;
    throw new Problem(`Nothing was ordered, and nothing at Hetzner was changed:\n\n${problem}`);
  }
});

async function main(): Promise<void> {
  const order = readDocument(parseOrder);
  const asker = await readSecrets(parseOrderAsker);
  const { problems, remarks } = await ask(order, asker, new Api(asker));
  if (problems.length > 0) throw new Problem(problems.join("\n\n"));
  for (const remark of [...remarks, "Hetzner was asked: the order can be placed"]) console.log(remark);
}

async function ask({ project, label, relay, dns }: Order, asker: OrderAsker, api: Api): Promise<Verdict> {
  const [sshKeys, mayWrite] = await Promise.all([api.list<SshKey>("ssh_keys", "/ssh_keys"), api.mayWrite()]);
  // Versions before gave things the name as it is, also where that is no host name.
  const names = [label, asker.stack.replace("/", "-")];
  const stack = createAskingStack(asker.stackId, names, asker.adminKey, sshKeys);
  const verdicts = await Promise.all([
    ...(relay ? [askForServer(project, label, relay, stack, sshKeys, api)] : []),
    ...(dns ? [askForNames(project, dns, stack, api)] : []),
  ]);
  return {
    problems: [...(mayWrite ? [] : [explainReadOnly]), ...verdicts.flatMap(({ problems }) => problems)],
    remarks: verdicts.flatMap(({ remarks }) => remarks),
  };
}

async function askForServer(
  project: string,
  label: string,
  order: RelayOrder,
  stack: AskingStack,
  sshKeys: readonly SshKey[],
  api: Api,
): Promise<Verdict> {
  const [locations, serverTypes, images, servers, firewalls] = await Promise.all([
    api.list<Offer["locations"][number]>("locations", "/locations"),
    api.list<Offer["serverTypes"][number]>("server_types", "/server_types"),
    api.list<Offer["images"][number]>("images", "/images", { type: "system", include_deprecated: "true" }),
    api.list<Server & Named>("servers", "/servers"),
    api.list<Named>("firewalls", "/firewalls"),
  ]);
  const server = servers.find((each) => isOwn(each, stack));
  const verdict = judgeServer(project, order, { locations, serverTypes, images, server }, new Date());
  const taken = judgeTaken(label, stack, { servers, firewalls, sshKeys });
  return { problems: [...taken, ...verdict.problems], remarks: verdict.remarks };
}

async function askForNames(project: string, order: DnsOrder, stack: AskingStack, api: Api): Promise<Verdict> {
  const zones = await api.list<Zone>("zones", "/zones");
  const zone = zones.find(({ name }) => name === order.zone);
  const rrsets = zone
    ? await Promise.all(
        order.names.map((name) => api.list<Rrset>("rrsets", `/zones/${order.zone}/rrsets`, { name })),
      )
    : [];
  return {
    problems: judgeNames(project, stack, order, zones, rrsets.flat()),
    remarks: zone ? remarkDelegation(zone) : [],
  };
}
