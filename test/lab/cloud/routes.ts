import * as actions from "./actions.ts";
import * as catalogue from "./catalogue.ts";
import * as firewalls from "./firewalls.ts";
import type { Operation } from "./operation.ts";
import * as primaryIps from "./primaryIps.ts";
import * as rrsets from "./rrsets.ts";
import * as serverActions from "./serverActions.ts";
import * as serverCreation from "./serverCreation.ts";
import * as servers from "./servers.ts";
import * as sshKeys from "./sshKeys.ts";
import * as zones from "./zones.ts";

type Route = readonly [method: "GET" | "POST" | "PUT" | "DELETE", path: string, operation: Operation];

/** Every request that the stand-in knows, below `/v1`. */
export const routes: readonly Route[] = [
  ["GET", "/actions", actions.listActions],
  ["GET", "/actions/{id}", actions.getAction],

  ["GET", "/server_types", catalogue.listServerTypes],
  ["GET", "/server_types/{id}", catalogue.getServerType],
  ["GET", "/images", catalogue.listImages],
  ["GET", "/images/{id}", catalogue.getImage],
  ["GET", "/locations", catalogue.listLocations],
  ["GET", "/locations/{id}", catalogue.getLocation],
  ["GET", "/pricing", catalogue.getPricing],

  ["GET", "/ssh_keys", sshKeys.list],
  ["POST", "/ssh_keys", sshKeys.create],
  ["GET", "/ssh_keys/{id}", sshKeys.read],
  ["PUT", "/ssh_keys/{id}", sshKeys.update],
  ["DELETE", "/ssh_keys/{id}", sshKeys.remove],

  ["GET", "/primary_ips", primaryIps.list],
  ["POST", "/primary_ips", primaryIps.create],
  ["GET", "/primary_ips/{id}", primaryIps.read],
  ["PUT", "/primary_ips/{id}", primaryIps.update],
  ["DELETE", "/primary_ips/{id}", primaryIps.remove],
  ["POST", "/primary_ips/{id}/actions/assign", primaryIps.assign],
  ["POST", "/primary_ips/{id}/actions/unassign", primaryIps.unassign],
  ["POST", "/primary_ips/{id}/actions/change_dns_ptr", primaryIps.changeDnsPtr],
  ["POST", "/primary_ips/{id}/actions/change_protection", primaryIps.changeProtection],

  ["GET", "/firewalls", firewalls.list],
  ["POST", "/firewalls", firewalls.create],
  ["GET", "/firewalls/{id}", firewalls.read],
  ["PUT", "/firewalls/{id}", firewalls.update],
  ["DELETE", "/firewalls/{id}", firewalls.remove],
  ["POST", "/firewalls/{id}/actions/set_rules", firewalls.setRules],
  ["POST", "/firewalls/{id}/actions/apply_to_resources", firewalls.applyToResources],
  ["POST", "/firewalls/{id}/actions/remove_from_resources", firewalls.removeFromResources],

  ["GET", "/servers", servers.list],
  ["POST", "/servers", serverCreation.create],
  ["GET", "/servers/{id}", servers.read],
  ["PUT", "/servers/{id}", servers.update],
  ["DELETE", "/servers/{id}", servers.remove],
  ["POST", "/servers/{id}/actions/poweron", serverActions.powerOn],
  ["POST", "/servers/{id}/actions/poweroff", serverActions.powerOff],
  ["POST", "/servers/{id}/actions/shutdown", serverActions.shutdown],
  ["POST", "/servers/{id}/actions/change_type", serverActions.changeType],
  ["POST", "/servers/{id}/actions/change_protection", serverActions.changeProtection],
  ["POST", "/servers/{id}/actions/change_dns_ptr", serverActions.changeDnsPtr],

  ["GET", "/zones", zones.list],
  ["POST", "/zones", zones.create],
  ["GET", "/zones/{zone}", zones.read],
  ["PUT", "/zones/{zone}", zones.update],
  ["DELETE", "/zones/{zone}", zones.remove],
  ["POST", "/zones/{zone}/actions/change_ttl", zones.changeTtl],
  ["POST", "/zones/{zone}/actions/change_protection", zones.changeProtection],
  ["GET", "/zones/{zone}/rrsets", rrsets.list],
  ["POST", "/zones/{zone}/rrsets", rrsets.create],
  ["GET", "/zones/{zone}/rrsets/{name}/{type}", rrsets.read],
  ["PUT", "/zones/{zone}/rrsets/{name}/{type}", rrsets.update],
  ["DELETE", "/zones/{zone}/rrsets/{name}/{type}", rrsets.remove],
  ["POST", "/zones/{zone}/rrsets/{name}/{type}/actions/set_records", rrsets.setRecords],
  ["POST", "/zones/{zone}/rrsets/{name}/{type}/actions/add_records", rrsets.addRecords],
  ["POST", "/zones/{zone}/rrsets/{name}/{type}/actions/remove_records", rrsets.removeRecords],
  ["POST", "/zones/{zone}/rrsets/{name}/{type}/actions/update_records", rrsets.updateRecords],
  ["POST", "/zones/{zone}/rrsets/{name}/{type}/actions/change_ttl", rrsets.changeTtl],
  ["POST", "/zones/{zone}/rrsets/{name}/{type}/actions/change_protection", rrsets.changeProtection],
];

/** The values of the path's `{names}`, or undefined if it is another path. */
export function match(pattern: string, segments: readonly string[]): Record<string, string> | undefined {
  const parts = pattern.split("/").slice(1);
  if (parts.length !== segments.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, part] of parts.entries()) {
    const segment = segments[index] ?? "";
    if (part.startsWith("{")) params[part.slice(1, -1)] = segment;
    else if (part !== segment) return undefined;
  }
  return params;
}
