/** A JSON config file in memory. What is written is kept as text, one write at a time, as the real one keeps it. */
export class FakeConfigFile {
  text: string | undefined;
  writeCount = 0;
  /** Set to make the next writes fail. */
  failure: Error | undefined;
  /** Set to hold writes back until it settles. */
  gate: Promise<void> | undefined;
  #last: Promise<void> = Promise.resolve();

  constructor(content?: unknown) {
    if (content !== undefined) this.text = JSON.stringify(content);
  }

  get content(): unknown {
    return this.text === undefined ? undefined : JSON.parse(this.text);
  }

  read(): Promise<unknown> {
    return Promise.resolve(this.content);
  }

  write(content: unknown): Promise<void> {
    const written = this.#last.then(() => this.#replace(content));
    this.#last = written.catch(() => undefined);
    return written;
  }

  async #replace(content: unknown): Promise<void> {
    const text = JSON.stringify(content);
    this.writeCount++;
    await this.gate;
    if (this.failure !== undefined) throw this.failure;
    this.text = text;
  }
}
