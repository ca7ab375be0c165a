import { randomInt } from 'node:crypto';
import type { Clock, TimerHandle } from '../clock.ts';
import { MqError, type MqErrorCode } from '../errors.ts';
import { parseHostPort } from '../protocol/host-address.ts';

/** Failures that say something about one name server, not about what it was asked. */
const failuresOfOne: ReadonlySet<string> = new Set<MqErrorCode>([
  'CONNECT_FAILED',
  'CONNECTION_CLOSED',
  'REQUEST_TIMEOUT',
  'SERVICE_NOT_AVAILABLE',
  'SYSTEM_BUSY',
  'SYSTEM_ERROR',
]);

/** A name server that has not answered by then is not waited for alone: it may be gone without a word. */
const NEXT_AFTER_MS = 1_000;

/**
 * The name servers a client may ask. They know nothing of each other and should say the same: the client starts with
 * a random one, stays with it, and goes on to the next in turn when it fails.
 */
export class NameServers {
  readonly addresses: readonly string[];
  readonly #clock: Clock;
  #current: number;

  /** Errors: CONFIG_INVALID naming the part of the list that is not host:port. */
  constructor(list: string, clock: Clock, start?: number) {
    this.addresses = parseAddresses(list);
    this.#clock = clock;
    this.#current = (start ?? randomInt(this.addresses.length)) % this.addresses.length;
  }

  /**
   * Runs `ask` against the current name server, then against each other one once, until one answers. One that is
   * silent for a second is asked on while the next one is asked, too: `ask` must do no harm twice.
   *
   * Errors: what the last one failed with; an answer that should be the same everywhere is not asked for again, but
   *         after one that `isDoubtful` another is asked the next time.
   */
  ask<T>(
    ask: (address: string) => Promise<T>,
    isDoubtful: (error: MqError) => boolean = () => false,
  ): Promise<T> {
    const first = this.#current;
    const count = this.addresses.length;
    return new Promise((resolve, reject) => {
      let startedCount = 0;
      let failedCount = 0;
      let isSettled = false;
      let timer: TimerHandle | undefined;
      const settle = (how: () => void): void => {
        if (isSettled) return;
        isSettled = true;
        this.#clock.clearTimeout(timer);
        how();
      };
      const next = (): void => {
        this.#clock.clearTimeout(timer);
        if (isSettled || startedCount === count) return;
        const asked = (first + startedCount++) % count;
        if (startedCount < count) timer = this.#clock.setTimeout(next, NEXT_AFTER_MS);
        ask(this.addresses[asked]!).then(
          (answer) =>
            settle(() => {
              this.#current = asked;
              resolve(answer);
            }),
          (error: unknown) => {
            const isOfOne = MqError.is(error) && failuresOfOne.has(error.code);
            // Only the first of several concurrent callers moves on, the others must not skip a server.
            if (this.#current === asked && (isOfOne || (MqError.is(error) && isDoubtful(error)))) {
              this.#current = (asked + 1) % count;
            }
            if (!isOfOne) return settle(() => reject(error));
            failedCount++;
            if (failedCount === count) settle(() => reject(error));
            else next();
          },
        );
      };
      next();
    });
  }
}

function parseAddresses(list: unknown): string[] {
  if (typeof list !== 'string') {
    throw new MqError('CONFIG_INVALID', `namesrvAddr is ${String(list)}, it must be host:port`);
  }
  const addresses = list
    .split(/[;,]/)
    .map((part) => part.trim())
    .filter((part) => part !== '');
  if (addresses.length === 0) {
    throw new MqError('CONFIG_INVALID', 'namesrvAddr is empty; it is host:port, or several with ;');
  }
  for (const address of addresses) {
    try {
      parseHostPort(address);
    } catch (cause) {
      throw new MqError(
        'CONFIG_INVALID',
        `namesrvAddr: ${JSON.stringify(address)} is not host:port`,
        {
          cause,
        },
      );
    }
  }
  return [...new Set(addresses)];
}
