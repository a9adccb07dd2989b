import type { HetznerAccess } from "./hetznerAccess.ts";

/** Whether a thing of the state is Hetzner's provider, which has the way to the API. */
export function isProviderOfHetzner({ types }: { readonly types: string }): boolean {
  return types === "pulumi:providers:hcloud";
}

/** How the last `pulumi up` reached the API. What was in the environment is there still, and empty here. */
export function readHetznerAccess({ endpoint, token }: Readonly<Record<string, unknown>>): HetznerAccess {
  return {
    endpoint: typeof endpoint === "string" ? endpoint : "",
    token: typeof token === "string" ? token : "",
  };
}
