export interface PartStatus {
  status: 'up' | 'down';
  reason?: string;
}

/**
 * Asks a part of the service whether it answers, for no longer than `timeoutMs`.
 *
 * A part that hangs (its machine is frozen, its network drops packets) gets no second question while the first
 * is open: each would hold a connection, and who probes every second would soon hold them all.
 */
export class Probe {
  readonly #ask: () => Promise<unknown>;
  readonly #timeoutMs: number;
  #asking: Promise<PartStatus> | undefined;

  constructor(ask: () => Promise<unknown>, timeoutMs: number) {
    this.#ask = ask;
    this.#timeoutMs = timeoutMs;
  }

  async status(): Promise<PartStatus> {
    this.#asking ??= this.#answer().finally(() => (this.#asking = undefined));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<PartStatus>((resolve) => {
      const reason = `no answer within ${this.#timeoutMs} ms`;
      timer = setTimeout(() => resolve({ status: 'down', reason }), this.#timeoutMs);
    });
    try {
      return await Promise.race([this.#asking, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #answer(): Promise<PartStatus> {
    try {
      await this.#ask();
      return { status: 'up' };
    } catch (error) {
      return { status: 'down', reason: reasonOf(error) };
    }
  }
}

/** A refused connection to a name with two addresses has a code and an empty message. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.message !== '') return error.message;
  return 'code' in error ? String(error.code) : error.name;
}
