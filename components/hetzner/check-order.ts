/**
 * Runs on the operator's machine before anything is ordered. Document: order.ts; secrets: hetznerAccess.ts. Ends with
 * exit code 1 and every problem there is, or with 0 and a line about what will be ordered. It only reads.
 */
import { Problem, readDocument, readSecrets, runProgram } from "../host/program.ts";
import { Api } from "./api.ts";
import { parseHetznerAccess } from "./hetznerAccess.ts";
import { judgeNames } from "./judgeNames.ts";
import type { Rrset, Zone } from "./judgeNames.ts";
import { judgeServer } from "./judgeServer.ts";
import type { Offer, Verdict } from "./judgeServer.ts";
import { parseOrder } from "./order.ts";
import type { DnsOrder, Order, RelayOrder } from "./order.ts";

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
  const access = await readSecrets(parseHetznerAccess);
  const { problems, remarks } = await ask(order, new Api(access));
  if (problems.length > 0) throw new Problem(problems.join("\n\n"));
  for (const remark of [...remarks, "Hetzner was asked: the order can be placed"]) console.log(remark);
}

async function askForServer(project: string, label: string, order: RelayOrder, api: Api): Promise<Verdict> {
  const [locations, serverTypes, images, servers] = await Promise.all([
    api.list<Offer["locations"][number]>("locations", "/locations"),
    api.list<Offer["serverTypes"][number]>("server_types", "/server_types"),
    api.list<Offer["images"][number]>("images", "/images", { type: "system", include_deprecated: "true" }),
    api.list<NonNullable<Offer["server"]>>("servers", "/servers", { name: label }),
  ]);
  return judgeServer(project, order, { locations, serverTypes, images, server: servers[0] }, new Date());
}

async function askForNames(project: string, label: string, order: DnsOrder, api: Api): Promise<Verdict> {
  const zones = await api.list<Zone>("zones", "/zones");
  const there = zones.some(({ name }) => name === order.zone);
  const rrsets = there
    ? await Promise.all(
        order.names.map((name) => api.list<Rrset>("rrsets", `/zones/${order.zone}/rrsets`, { name })),
      )
    : [];
  return { problems: judgeNames(project, label, order, zones, rrsets.flat()), remarks: [] };
}

async function ask({ project, label, relay, dns }: Order, api: Api): Promise<Verdict> {
  const verdicts = await Promise.all([
    ...(relay ? [askForServer(project, label, relay, api)] : []),
    ...(dns ? [askForNames(project, label, dns, api)] : []),
  ]);
  return {
    problems: verdicts.flatMap(({ problems }) => problems),
    remarks: verdicts.flatMap(({ remarks }) => remarks),
  };
}
