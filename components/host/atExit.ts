const duties: (() => void)[] = [];

/** Has this done when the program ends, however many others ask for the same: one listener does it all. */
export function atExit(duty: () => void): void {
  if (duties.length === 0)
    process.once("exit", () => {
      for (const one of duties) one();
    });
  duties.push(duty);
}
