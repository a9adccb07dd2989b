/** Seconds of the monotonic clock, which is the clock of people/watch.py as well. */
export const now = (): number => Number(process.hrtime.bigint()) / 1e9;
