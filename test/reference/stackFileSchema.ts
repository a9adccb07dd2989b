import { describeField, isRequired } from "../../components/settings/fields.ts";
import type { Field } from "../../components/settings/readers.ts";
import { encrypted } from "../../components/settings/schema.ts";
import type { Schema } from "../../components/settings/schema.ts";

/** The JSON Schema of a stack file: the keys of the project are exactly the sections; other namespaces are free. */
export function stackFileSchema(
  sections: Readonly<Record<string, Field<unknown>>>,
  namespace: string,
): Schema {
  const entries = Object.entries(sections);
  return {
    type: "object",
    properties: {
      config: {
        type: "object",
        properties: {
          "hcloud:token": {
            ...encrypted,
            description: "Hetzner's API token: pulumi config set --secret hcloud:token",
          },
          ...Object.fromEntries(
            entries.map(([key, section]) => [`${namespace}:${key}`, describeField(section)]),
          ),
        },
        patternProperties: { [`^(?!${namespace}:)`]: {} },
        required: entries.filter(([, section]) => isRequired(section)).map(([key]) => `${namespace}:${key}`),
        additionalProperties: false,
      },
    },
  };
}
