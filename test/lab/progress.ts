/** Progress for a person: what happens now, how long it took, and at the end where the time went. */
export class Progress {
  readonly #phases: { readonly title: string; readonly seconds: number }[] = [];
  readonly #started = performance.now();
  readonly #out: NodeJS.WriteStream;

  constructor(out: NodeJS.WriteStream = process.stdout) {
    this.#out = out;
  }

  /** Runs one phase; prints its title at once, its latest detail while it runs, its time when it ends. */
  async phase<T>(title: string, work: (detail: (line: string) => void) => Promise<T>): Promise<T> {
    const started = performance.now();
    let latest = "";
    const seconds = () => (performance.now() - started) / 1000;
    const live = this.#out.isTTY;
    this.#out.write(live ? `  ${title} …` : `  ${title} …\n`);
    const tick = setInterval(
      () => {
        const text = `  ${title} … ${seconds().toFixed(0)} s${latest === "" ? "" : `  ${latest}`}`;
        this.#out.write(live ? `\r\x1b[K${text.slice(0, this.#out.columns - 1)}` : `${text}\n`);
      },
      live ? 1000 : 10_000,
    );
    const end = (mark: string) => {
      clearInterval(tick);
      this.#out.write(`${live ? "\r\x1b[K" : ""}${mark} ${title}  ${seconds().toFixed(1)} s\n`);
    };
    try {
      const result = await work((line) => {
        if (line.trim() !== "") latest = line.trim();
      });
      end("✓");
      this.#phases.push({ title, seconds: seconds() });
      return result;
    } catch (error) {
      end("✗");
      throw error;
    }
  }

  /** One line a phase and the total, for the end of a run. */
  summary(): string {
    const total = (performance.now() - this.#started) / 1000;
    const rows = [...this.#phases, { title: "in all", seconds: total }];
    const width = Math.max(...rows.map((row) => row.title.length));
    return rows
      .map((row) => `  ${row.title.padEnd(width)}  ${row.seconds.toFixed(1).padStart(7)} s`)
      .join("\n");
  }
}
