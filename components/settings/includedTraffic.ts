import { optional } from "./fields.ts";
import { wholeNumber } from "./readers.ts";

/** A field of every relay: nobody asks a provider from there. */
export const includedTrafficGb = optional(wholeNumber(1, 1_000_000, "GB"), {
  otherwise: "nobody is told of traffic",
  means:
    "What the relay may send in a month at no further cost, as its provider says, such as 20000 for 20 TB. " +
    "Who is told of homes is told once when 80% of it are sent.",
  example: 20000,
});
