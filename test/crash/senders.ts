import type { ProducerOptions } from '../../mq/index.ts';

/** Of every producer here. What is sent again is there twice when the first one was stored, too; and bodies are read as they lie. */
export const producerOptions = {
  sendTimeoutMs: 5_000,
  retryTimesWhenSendFailed: 0,
  compressMsgBodyOverHowmuch: Number.POSITIVE_INFINITY,
} satisfies Partial<ProducerOptions>;

/** So many senders, each of which sends again and again until it is over. After a failure nothing was promised. */
export function senders(
  count: number,
  isOver: () => boolean,
  send: () => Promise<void>,
): Promise<void>[] {
  return Array.from({ length: count }, async () => {
    while (!isOver()) await send().catch(() => undefined);
  });
}

/** How many settlements back what was promised is remembered: the broker may ask for it for so long. */
const KEPT_SETTLEMENTS = 2;

/** What was promised under each name, and forgotten when nobody can ask for it any more. */
export class PromisedThings<T extends object> extends Map<string, T & { settlement: number }> {
  #settlement = 0;

  promise(name: string, what: T): T {
    const promised = { ...what, settlement: this.#settlement };
    this.set(name, promised);
    return promised;
  }

  /** All promises so far are kept. */
  settle(): void {
    this.#settlement++;
    for (const [name, { settlement }] of this) {
      if (settlement < this.#settlement - KEPT_SETTLEMENTS) this.delete(name);
    }
  }
}
