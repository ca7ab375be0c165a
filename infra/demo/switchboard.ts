import { randomBytes, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { KillBroker } from './broker-crash.ts';
import type { Gate } from './gate.ts';

/** What is running, and what is stopped; null: it cannot be turned, and `reasons` says why. */
export interface Switches {
  couponDatabase: SwitchState | null;
  broker: SwitchState | null;
  /** Of those that are null, and of the third party when it must be left alone. */
  reasons: { couponDatabase?: string; broker?: string; thirdParty?: string };
}

type SwitchState = 'running' | 'stopped';

/** What is asked of it. */
export interface Wish {
  couponDatabase?: SwitchState;
  broker?: SwitchState;
}

const maxBodyBytes = 1_024;

const whilePlaying =
  'The demo is still at its own 100 orders and stops things itself; the switches are yours when it is done.';
const foreignBroker = 'The broker was given by NAMESRV_ADDR: the demo has not started it.';

/** A wish that cannot be granted: `status` is what HTTP says of it. */
class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

interface SwitchboardParts {
  couponGate: Pick<Gate, 'close' | 'reopen'>;
  /** Undefined: the broker is not ours to kill. */
  killBroker: KillBroker | undefined;
}

/**
 * The switches of a demo that stays up, for whoever knows the secret in its URL: stops and starts the coupon database and the
 * broker. They stay as they are while the demo is at its own orders, which it holds to an audit.
 */
export class Switchboard {
  /** With the secret: only the storefront is told. */
  readonly url: string;
  readonly #path: Buffer;
  readonly #parts: SwitchboardParts;
  readonly #server: Server;
  #isPlaying = true;
  #isCouponDatabaseStopped = false;
  #startBroker: (() => Promise<void>) | undefined;
  /** One wish after the other. */
  #turning: Promise<unknown> = Promise.resolve();

  private constructor(server: Server, secret: string, parts: SwitchboardParts) {
    const { port } = server.address() as { port: number };
    this.url = `http://127.0.0.1:${port}/${secret}`;
    this.#path = Buffer.from(`/${secret}/switches`);
    this.#parts = parts;
    this.#server = server;
    server.on('request', (request, response) => void this.#answer(request, response));
  }

  static async open(parts: SwitchboardParts): Promise<Switchboard> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Switchboard(server, randomBytes(24).toString('hex'), parts);
  }

  /** From now on the switches can be turned. */
  handOver(): void {
    this.#isPlaying = false;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  state(): Switches {
    if (this.#isPlaying) {
      return {
        couponDatabase: null,
        broker: null,
        reasons: { couponDatabase: whilePlaying, broker: whilePlaying, thirdParty: whilePlaying },
      };
    }
    const isForeign = this.#parts.killBroker === undefined;
    return {
      couponDatabase: this.#isCouponDatabaseStopped ? 'stopped' : 'running',
      broker: isForeign ? null : this.#startBroker === undefined ? 'running' : 'stopped',
      reasons: isForeign ? { broker: foreignBroker } : {},
    };
  }

  /** Errors: a Refusal when a switch cannot be turned, or what it stands for does not start. */
  turn(wish: Wish): Promise<Switches> {
    const turned = this.#turning.then(() => this.#turn(wish));
    this.#turning = turned.catch(() => undefined);
    return turned;
  }

  async #turn({ couponDatabase, broker }: Wish): Promise<Switches> {
    const { reasons } = this.state();
    const reason =
      (couponDatabase && reasons.couponDatabase) ?? (broker && reasons.broker) ?? undefined;
    if (reason !== undefined) throw new Refusal(409, reason);
    if (couponDatabase !== undefined) await this.#turnCouponDatabase(couponDatabase);
    if (broker !== undefined) await this.#turnBroker(broker);
    return this.state();
  }

  async #turnCouponDatabase(wanted: SwitchState): Promise<void> {
    const { couponGate } = this.#parts;
    if (wanted === 'stopped') await couponGate.close();
    else await couponGate.reopen();
    this.#isCouponDatabaseStopped = wanted === 'stopped';
  }

  async #turnBroker(wanted: SwitchState): Promise<void> {
    const { killBroker } = this.#parts;
    if (wanted === 'stopped') {
      this.#startBroker ??= await killBroker!();
      return;
    }
    await this.#startBroker?.();
    this.#startBroker = undefined;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      if (!this.#isKnown(request)) throw new Refusal(404, 'there is nothing here');
      if (request.method === 'GET') return sendJson(response, 200, this.state());
      if (request.method !== 'PUT') throw new Refusal(405, 'GET and PUT only');
      sendJson(response, 200, await this.turn(wishOf(await bodyOf(request))));
    } catch (error) {
      // The broker's own last words may be in it; a page shows one line.
      const [message = ''] =
        error instanceof Error ? error.message.trim().split('\n').slice(-1) : [];
      const status = error instanceof Refusal ? error.status : 503;
      sendJson(response, status, { detail: message });
    }
  }

  #isKnown({ url = '' }: IncomingMessage): boolean {
    const given = Buffer.from(url);
    return given.length === this.#path.length && timingSafeEqual(given, this.#path);
  }
}

function sendJson(response: ServerResponse, status: number, value: object): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(value));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const piece of request.setEncoding('utf8') as AsyncIterable<string>) {
    text += piece;
    if (text.length > maxBodyBytes) throw new Refusal(413, 'the body is too long');
  }
  return text;
}

function wishOf(text: string): Wish {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    if (cause instanceof SyntaxError) throw new Refusal(400, 'the body is no JSON');
    throw cause;
  }
  if (typeof value !== 'object' || value === null) throw new Refusal(400, 'the body is no object');
  const wishes = Object.entries(value);
  // Were the second refused, the first would be half of what was asked for.
  if (wishes.length > 1) throw new Refusal(400, 'one switch a request');
  for (const [name, state] of wishes) {
    if (name !== 'couponDatabase' && name !== 'broker') {
      throw new Refusal(400, `there is no switch ${JSON.stringify(name.slice(0, 64))}`);
    }
    if (state !== 'running' && state !== 'stopped') {
      throw new Refusal(400, `${name} must be running or stopped`);
    }
  }
  return value;
}
