import type { ReceiptDocument } from "./receiptDocument.ts";

/** What Hetzner says when all of a stack should be gone. */
export interface Remains {
  /** What of the stack is left there, as a person finds it in the console. */
  readonly left: readonly string[];
  /** Whether there is a zone of that name, whoever made it. */
  readonly hasZone: boolean;
}

/** One part of the receipt of `pulumi destroy`. */
export interface Receipt {
  readonly tone: "info" | "warning";
  readonly text: string;
}

/** What is gone, what is billed no more, and what was left. Nothing in it that Hetzner did not say. */
export function renderReceipt(document: ReceiptDocument, { left, hasZone }: Remains, now: Date): Receipt {
  const asked = `Hetzner was asked on ${now.toISOString().slice(0, 16).replace("T", " ")} UTC`;
  if (left.length > 0) {
    const text = `${asked}, and still has of this stack: ${left.join(", ")}.
What of it is billed is billed on. Delete it in Hetzner's console: after pulumi destroy this stack knows nothing of it.`;
    return { tone: "warning", text };
  }
  const all = `${asked}, and has nothing of this stack any more: no server, address, firewall, SSH key, zone or record. None of it is billed any more.`;
  return { tone: "info", text: [all, ...describeZone(document, hasZone)].join("\n") };
}

function describeZone({ zone, createdZone }: ReceiptDocument, hasZone: boolean): readonly string[] {
  if (zone === undefined) return [];
  if (createdZone === true && !hasZone)
    return [
      `The zone ${zone} went with all that was in it. Where you registered it, name other nameservers, or nobody answers for it.`,
    ];
  if (createdZone === false && hasZone)
    return [
      `The zone ${zone} was there before this stack and stays, without the records that the stack made.`,
    ];
  return [];
}

/** That Hetzner gave no answer. */
export function explainUnasked(reason: string): Receipt {
  const text = `Hetzner could not be asked whether it has anything left of this stack: ${reason}
Look into its console before you take it that nothing is billed any more.`;
  return { tone: "warning", text };
}
