/** The questions, as a terminal shows them. Each may have been answered by a flag before. */
import type { CANCEL_SYMBOL } from "@clack/prompts";
import { confirm, intro, isCancel, log, multiselect, outro, password, select, text } from "@clack/prompts";
import { Problem } from "../host/program.ts";
import type { FlagName, Given } from "./flags.ts";

export interface Choice<Value extends string> {
  readonly value: Value;
  readonly label: string;
  readonly hint?: string | undefined;
}

/** Why an answer will not do, for the reader; `undefined`: it will. */
export type Check = (answer: string) => string | undefined;

/** The operator went away at a question. */
export class Stopped extends Problem {}

export class Asking {
  readonly given: Given;
  readonly isTerminal: boolean;

  constructor(given: Given, isTerminal: boolean) {
    this.given = given;
    this.isTerminal = isTerminal;
  }

  /** How a program begins, and how it ends well. */
  begin(title: string): void {
    if (this.isTerminal) intro(title);
  }

  end(words: string): void {
    if (this.isTerminal) outro(words);
    else console.log(words);
  }

  say(words: string): void {
    if (this.isTerminal) log.message(words);
    else console.log(words);
  }

  warn(words: string): void {
    if (this.isTerminal) log.warn(words);
    else console.log(words);
  }

  /** One of a few. */
  async choose<Value extends string>(
    flag: FlagName | undefined,
    message: string,
    choices: readonly Choice<Value>[],
    usual: Value,
  ): Promise<Value> {
    const given = this.#given(flag);
    if (given !== undefined) {
      const found = choices.find(({ value }) => value === given);
      if (found) return found.value;
      const there = choices.map(({ value }) => value).join(", ");
      throw new Problem(`--${flag ?? ""} ${given}: there is none. There are: ${there}`);
    }
    this.#needsTerminal(flag, message);
    const options = choices.map(({ value, label, hint }) => ({
      value: value,
      label,
      ...(hint === undefined ? {} : { hint }),
    }));
    return this.#take(await select<string>({ message, options, initialValue: usual, maxItems: 12 })) as Value;
  }

  async several(
    message: string,
    choices: readonly Choice<string>[],
    usual: readonly string[],
  ): Promise<readonly string[]> {
    this.#needsTerminal(undefined, message);
    const options = choices.map(({ value, label, hint }) => ({
      value,
      label,
      ...(hint === undefined ? {} : { hint }),
    }));
    return this.#take(
      await multiselect<string>({ message, options, initialValues: usual, required: true, maxItems: 14 }),
    );
  }

  async write(
    flag: FlagName | undefined,
    message: string,
    check: Check,
    /** `usual` is what an empty answer means; `example` is shown alone. */
    { example, usual }: { readonly example?: string; readonly usual?: string } = {},
  ): Promise<string> {
    const given = this.#given(flag);
    if (given !== undefined) {
      const problem = check(given);
      if (problem !== undefined) throw new Problem(`--${flag ?? ""}: ${problem}`);
      return given;
    }
    this.#needsTerminal(flag, message);
    const meant = (value: string | undefined) => value?.trim() || (usual ?? "");
    const answer = await text({
      message,
      placeholder: usual ?? example ?? "",
      ...(usual === undefined ? {} : { defaultValue: usual }),
      validate: (value) => check(meant(value)),
    });
    return meant(this.#take(answer));
  }

  /** Never shown, and asked on a terminal alone. */
  async hide(message: string, check: Check): Promise<string> {
    this.#needsTerminal(undefined, message);
    const validate = (value: string | undefined) => check(value ?? "");
    return this.#take(await password({ message, mask: "*", validate }));
  }

  async agree(flag: FlagName | undefined, message: string, usual: boolean): Promise<boolean> {
    if (this.#given(flag) !== undefined) return true;
    this.#needsTerminal(flag, message);
    return this.#take(await confirm({ message, initialValue: usual }));
  }

  /** Goes away with these words, as somebody does at a question. */
  stop(): never {
    throw new Stopped("Stopped. Nothing was written, made or ordered.");
  }

  #given(flag: FlagName | undefined): string | undefined {
    return flag === undefined ? undefined : this.given[flag];
  }

  #needsTerminal(flag: FlagName | undefined, message: string): void {
    if (this.isTerminal) return;
    const mend = flag === undefined ? "Run npm run setup in a terminal." : `Answer with --${flag}.`;
    throw new Problem(`This is no terminal, so nobody can be asked: ${message}\n${mend}`);
  }

  #take<Value>(answer: Value | typeof CANCEL_SYMBOL): Value {
    if (isCancel(answer)) this.stop();
    return answer;
  }
}
