/** What somebody does to the cloud who has the token and is not this program: in its console, or with its API. */
import { cloudApiUrl } from "./addresses.ts";
import { controlCloud } from "./control.ts";
import { asPerson } from "./network.ts";
import { must } from "./shell.ts";
import { cloudToken } from "./world.ts";

/** All that the cloud holds, as lists by kind. */
export type CloudContents = Readonly<
  Record<string, readonly { readonly id: number | string; readonly name: string }[]>
>;

/** One request that the cloud was sent. */
export interface CloudRequest {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly body?: unknown;
}

export async function inCloud(): Promise<CloudContents> {
  return (await controlCloud({ get: "everything" })) as CloudContents;
}

/** What the cloud was asked since the last `forgetRequests`. */
export async function cloudRequests(): Promise<CloudRequest[]> {
  return (await controlCloud({ get: "requests" })) as CloudRequest[];
}

export async function forgetCloudRequests(): Promise<void> {
  await controlCloud({ reset: "requests" });
}

/** One call of the API, which has to succeed. `path` begins after the version, for example `/servers/7`. */
export async function callCloud(method: "POST" | "DELETE", path: string, body?: unknown): Promise<void> {
  await must(
    asPerson("operator", [
      ...["curl", "--silent", "--fail", "--request", method, `${cloudApiUrl}${path}`],
      ...["--header", `Authorization: Bearer ${await cloudToken()}`],
      ...(body === undefined
        ? []
        : ["--header", "Content-Type: application/json", "--data", JSON.stringify(body)]),
    ]),
  );
}

/** Removes every server. */
export async function deleteServersByHand(): Promise<void> {
  for (const { id } of (await inCloud())["servers"] ?? []) await callCloud("DELETE", `/servers/${id}`);
}
