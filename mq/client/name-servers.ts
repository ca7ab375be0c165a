import { randomInt } from 'node:crypto';
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

/**
 * The name servers a client may ask. They know nothing of each other and should say the same: the client starts with
 * a random one, stays with it, and goes on to the next in turn when it fails.
 */
export class NameServers {
  readonly addresses: readonly string[];
  #current: number;

  /** Errors: CONFIG_INVALID naming the part of the list that is not host:port. */
  constructor(list: string, start?: number) {
    this.addresses = parseAddresses(list);
    this.#current = (start ?? randomInt(this.addresses.length)) % this.addresses.length;
  }

  /**
   * Runs `ask` against the current name server, then against each other one once, until one answers.
   *
   * Errors: what the last one failed with; an answer that would be the same everywhere is not asked for again.
   */
  async ask<T>(ask: (address: string) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const asked = this.#current;
      try {
        return await ask(this.addresses[asked]!);
      } catch (error) {
        if (!MqError.is(error) || !failuresOfOne.has(error.code)) throw error;
        // Only the first of several concurrent callers moves on, the others must not skip a server.
        if (this.#current === asked) this.#current = (asked + 1) % this.addresses.length;
        if (attempt >= this.addresses.length) throw error;
      }
    }
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
