/** Everything that is wrong with the settings, at once. The message is for the person who wrote them. */
export class SettingsError extends Error {
  /** One text per problem: `key: the rule and the value found`, and on a second line the mend. */
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
    super([`${count} in the settings:`, ...problems.map(indent)].join("\n\n"));
    this.name = "SettingsError";
    this.problems = Object.freeze([...problems]);
  }
}

function indent(problem: string): string {
  return problem.replace(/^/gm, "  ");
}
