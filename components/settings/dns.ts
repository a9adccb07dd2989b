import { dynDns } from "./dynDns.ts";
import { hetznerZone } from "./hetznerZone.ts";
import type { Draft } from "./place.ts";
import { byProvider } from "./providers.ts";
import { isMapping } from "./readers.ts";
import type { Kind } from "./readers.ts";
import type { Schema } from "./schema.ts";
import type { DnsSettings } from "./settings.ts";

const written = byProvider<DnsSettings["provider"], Draft<DnsSettings>>(
  { hetzner: hetznerZone, ...dynDns },
  "hetzner",
);

const emptyMapping: Schema = { type: "object", additionalProperties: false };

/** The `dns` section; an empty mapping is `undefined`: no name points at the relay. */
export const dns: Kind<Draft<DnsSettings> | undefined> = {
  ...written,
  schema: { anyOf: [...(written.schema.anyOf ?? []), emptyMapping] },
  read: (value, place, siblings) =>
    isMapping(value) && Object.keys(value).length === 0 ? undefined : written.read(value, place, siblings),
};
