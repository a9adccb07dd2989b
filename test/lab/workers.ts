/**
 * How many labs the checks raise side by side. A check mostly waits, for boots and answers, so that three share two
 * cores well; each machine takes about 100 MB of memory.
 */
export const labWorkers = 3;

/** `lab`, `lab2`, `lab3`: the name of a worker's lab; workers are numbered from 1. */
export function labOfWorker(worker: number): string {
  return worker === 1 ? "lab" : `lab${worker}`;
}
