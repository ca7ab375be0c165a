import type { Clock } from '../clock.ts';
import { MqError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { RemotingCommand } from '../protocol/frame.ts';
import { findProperty, PropertyKey } from '../protocol/properties.ts';

/** A producer that is refused may try again at once: what is logged of that must not become the load. */
const LINES_A_SECOND = 10;

/** Logs which messages were not taken, and why; of many in one second the first few, and then how many more. */
export class RefusedSends {
  readonly #clock: Clock;
  readonly #logger: Logger;
  #second = -1;
  #inSecond = 0;
  #unlogged = 0;

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  note({ extFields = {} }: RemotingCommand, peer: string, error: unknown): void {
    if (!MqError.is(error)) return;
    const nowMs = this.#clock.monotonicMs();
    const second = Math.floor(nowMs / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#inSecond = 0;
    }
    if (++this.#inSecond > LINES_A_SECOND) {
      if (this.#unlogged++ === 0) {
        this.#clock.setTimeout(() => this.#tellCount(), (second + 1) * 1000 - nowMs).unref();
      }
      return;
    }
    // By both versions of the request; it may be one whose header cannot be read.
    const properties = extFields['i'] ?? extFields['properties'] ?? '';
    this.#logger.info(`refused a message: ${error.message}`, {
      code: error.code,
      topic: extFields['b'] ?? extFields['topic'],
      msgId: findProperty(properties, PropertyKey.UNIQ_KEY),
      keys: findProperty(properties, PropertyKey.KEYS),
      peer,
    });
  }

  #tellCount(): void {
    this.#logger.info('refused more messages', { count: this.#unlogged });
    this.#unlogged = 0;
  }
}
