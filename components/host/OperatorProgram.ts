import * as pulumi from "@pulumi/pulumi";
import { documentVariable, programCommand, renderProgramDocument } from "../network/programDocument.ts";

/** A document of which some facts are known only when something has been made. */
export type DocumentInput<Document> = {
  readonly [Name in keyof Document]: Document[Name] extends string | number | boolean | undefined
    ? pulumi.Input<Document[Name]>
    : DocumentInput<Document[Name]> | pulumi.Input<Document[Name]>;
};

/** How a `command.local.Command` starts a program on the operator's machine, and feeds it. */
export interface ProgramInputs {
  /** For `create`, `update` or `delete`. */
  readonly run: string;
  readonly environment: Readonly<Record<string, pulumi.Input<string>>>;
}

/** `program`: below components/. The document stays readable in a preview while nothing in it is secret. */
export function operatorProgram<Document extends object>(
  program: string,
  document: DocumentInput<Document>,
): ProgramInputs {
  return {
    run: programCommand(program),
    environment: { [documentVariable]: pulumi.output(document).apply(renderProgramDocument) },
  };
}

/** The document with secrets for a program's stdin. */
export function operatorSecrets<Secrets extends object>(
  secrets: DocumentInput<Secrets>,
): pulumi.Output<string> {
  return pulumi.secret(pulumi.output(secrets).apply(renderProgramDocument));
}
