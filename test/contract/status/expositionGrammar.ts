/** Prometheus' text format 0.0.4, as far as we write it, and what its conventions say of names. */

export interface Metric {
  readonly name: string;
  readonly type: "counter" | "gauge";
  readonly help: string;
  /** Labels as they stand, and the value. */
  readonly samples: readonly (readonly [string, number])[];
}

/*
 * text   = { metric }
 * metric = "# HELP " name " " words LF "# TYPE " name " " ("counter" | "gauge") LF sample { sample }
 * sample = name [ "{" label { "," label } "}" ] " " number LF
 * label  = key '="' { character, none of '"', '\', LF } '"'
 */
const name = "[a-z]+(?:_[a-z0-9]+)*";
const label = String.raw`${name}="[^"\\\n]*"`;
const number = String.raw`\d+(?:\.\d+)?(?:e[+-]\d+)?`;
const sample = String.raw`(?:\k<name>(?:\{${label}(?:,${label})*\})? ${number}\n)`;
const metric = String.raw`# HELP (?<name>${name}) (?<help>[^\n\\]+)\n# TYPE \k<name> (?<type>counter|gauge)\n(?<samples>${sample}+)`;

/** Throws an `Error` that says where the text is none of the format. */
export function parseExposition(text: string): Metric[] {
  const metrics: Metric[] = [];
  const next = new RegExp(metric, "y");
  while (next.lastIndex < text.length) {
    const from = next.lastIndex;
    const { name = "", help = "", type, samples = "" } = next.exec(text)?.groups ?? {};
    if (type === undefined) throw new Error(`no metric begins here: ${text.slice(from, from + 300)}`);
    const values = samples.trimEnd().split("\n").map(readSample);
    metrics.push({ name, help, type: type as Metric["type"], samples: values });
  }
  return metrics;
}

function readSample(line: string): readonly [string, number] {
  const at = line.lastIndexOf(" ");
  return [line.slice(0, at), Number(line.slice(at + 1))];
}

/** What promtool would say of metrics, and what a store refuses: a sentence each. */
export function lintExposition(metrics: readonly Metric[]): string[] {
  const seen = new Set<string>();
  return metrics.flatMap(({ name, type, help, samples }) => [
    ...(name.startsWith("homerelay_") ? [] : [`${name} does not say whose it is`]),
    ...(type === "counter" && !name.endsWith("_total") ? [`${name} is a counter without _total`] : []),
    ...(type === "gauge" && /_(total|count|sum|bucket)$/.test(name)
      ? [`${name} is called as no gauge is`]
      : []),
    ...(/_(milliseconds|ms|minutes|hours|days|kilobytes|kb|mb|bits|percent)(_|$)/.test(name)
      ? [`${name} has no base unit`]
      : []),
    ...(name.includes(`_${type}`) ? [`${name} has its type in its name`] : []),
    ...(help.endsWith(".") ? [] : [`${name} has no sentence as its help`]),
    ...[name, ...samples.map(([series]) => `${series} `)].flatMap((one) => {
      if (seen.has(one)) return [`${one} is there twice`];
      seen.add(one);
      return [];
    }),
  ]);
}
