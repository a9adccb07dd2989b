/** Where Hetzner's API is, unless a setting or HCLOUD_ENDPOINT says otherwise: the provider's own default. */
export const hetznerEndpoint = "https://api.hetzner.cloud/v1";
