/**
 * How many labs the checks raise side by side. A check waits for about half of its time, for boots and answers, so that
 * five keep two processors busy; each machine takes about 100 MB of memory.
 */
export const labWorkers = 5;

/** `lab`, `lab2`, `lab3` and so on: the name of a worker's lab; workers are numbered from 1. */
export function labOfWorker(worker: number): string {
  return worker === 1 ? "lab" : `lab${worker}`;
}
