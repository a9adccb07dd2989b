import { hetznerEndpoint } from "../network/hetznerEndpoint.ts";
import type { HetznerAccess } from "./hetznerAccess.ts";

/** Whether a thing of the state is Hetzner's provider, which has the way to the API. */
export function isProviderOfHetzner({ types }: { readonly types: string }): boolean {
  return types === "pulumi:providers:hcloud";
}

/** How the last `pulumi up` reached the API; a token that was in the environment is there still, or it is empty. */
export function readHetznerAccess({ endpoint, token }: Readonly<Record<string, unknown>>): HetznerAccess {
  return {
    endpoint: typeof endpoint === "string" && endpoint !== "" ? endpoint : hetznerEndpoint,
    token: typeof token === "string" ? token : "",
  };
}
