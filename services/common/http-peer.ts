import { Agent, request, type IncomingMessage } from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';
import { DomainError, type DomainErrorKind } from './errors.ts';

/** Another process that is asked over HTTP: of ours or of a third party. */
export interface HttpPeerOptions {
  /** What it is called in errors: `stock` gives STOCK.UNAVAILABLE. */
  name: string;
  url: string;
  timeoutMs: number;
}

export interface PeerRequest {
  readonly method: string;
  readonly path: string;
  /** JSON. */
  readonly body?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface PeerAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

const kindOfStatus: Readonly<Record<number, DomainErrorKind>> = {
  400: 'invalid',
  404: 'not_found',
  409: 'conflict',
};

/**
 * A connection that nobody has used for so long is not used any more: its server may be closing it just now, and would never
 * say whether it has done what comes then. The usual servers keep theirs for five seconds or more.
 */
const MAX_IDLE_MS = 4_000;

/** The longest answer there is, of a batch, has about 50,000. */
const MAX_ANSWER_CHARS = 4 * 1024 * 1024;

/**
 * Asks another process, for no longer than its time limit, and reads its refusals as ours.
 *
 * Errors: a DomainError with the code the other gave, of kind invalid, not_found or conflict; NAME.UNAVAILABLE when it does
 *         not answer in time, cannot be reached, or has a fault. Then nobody knows whether it was done: ask again, with the
 *         same number.
 */
export class HttpPeer {
  readonly #options: HttpPeerOptions;
  readonly #agent: Agent;
  readonly #isTls: boolean;

  constructor(options: HttpPeerOptions) {
    this.#options = options;
    this.#isTls = options.url.startsWith('https:');
    this.#agent = new (this.#isTls ? TlsAgent : Agent)({
      keepAlive: true,
      timeout: MAX_IDLE_MS,
    });
  }

  get(path: string): Promise<unknown> {
    return this.#ask('GET', path);
  }

  put(path: string, body: object): Promise<unknown> {
    return this.#ask('PUT', path, JSON.stringify(body));
  }

  post(path: string, body: object): Promise<unknown> {
    return this.#ask('POST', path, JSON.stringify(body));
  }

  /**
   * What the other answers, whatever that is, for who passes it on. Errors: NAME.UNAVAILABLE when it does not answer in time
   * or cannot be reached.
   */
  async exchange(asking: PeerRequest): Promise<PeerAnswer> {
    try {
      return await this.#exchange(asking);
    } catch (error) {
      const { timeoutMs } = this.#options;
      throw this.#unavailable(
        `has not answered within ${timeoutMs} ms or cannot be reached`,
        error,
      );
    }
  }

  async #ask(method: string, path: string, body?: string): Promise<unknown> {
    const { status, text } = await this.exchange({ method, path, body });
    const value = parsed(text);
    if (status >= 200 && status < 300 && value !== undefined) return value;
    const kind = kindOfStatus[status];
    if (kind === undefined) throw this.#unavailable(`answered ${status}`);
    const { code, detail } = (value ?? {}) as { code?: unknown; detail?: unknown };
    throw new DomainError(
      typeof code === 'string' ? code : `${this.#options.name.toUpperCase()}.HTTP.${status}`,
      kind,
      typeof detail === 'string' ? detail : `${this.#options.name} answered ${status}`,
    );
  }

  /**
   * Rather than by `fetch`, which costs four times the CPU. A redirection is not followed: it would make a GET of a POST, and
   * whatever that answers would pass for its having been done.
   */
  #exchange({ method, path, body, headers: more }: PeerRequest): Promise<PeerAnswer> {
    const { url, timeoutMs } = this.#options;
    return new Promise((resolve, reject) => {
      const headers = {
        ...more,
        ...(body !== undefined && {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
        }),
      };
      const asked = (this.#isTls ? tlsRequest : request)(`${url}${path}`, {
        method,
        headers,
        agent: this.#agent,
      });
      const fail = (error: Error): void => {
        clearTimeout(timer);
        reject(error);
        asked.destroy();
      };
      // Of a request that has ended in a way of its own (the answer changes the protocol, say) no error is told.
      const timer = setTimeout(() => fail(new Error('the time is over')), timeoutMs);
      asked.on('error', fail);
      asked.on('response', (answer: IncomingMessage) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (piece: string) => {
          text += piece;
          if (text.length > MAX_ANSWER_CHARS) {
            fail(new Error(`the answer has more than ${MAX_ANSWER_CHARS} characters`));
          }
        });
        answer.on('error', fail);
        answer.on('end', () => {
          clearTimeout(timer);
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text });
        });
      });
      asked.end(body);
    });
  }

  #unavailable(what: string, cause?: unknown): DomainError {
    const { name } = this.#options;
    const code = `${name.toUpperCase().replaceAll('-', '_')}.UNAVAILABLE`;
    return new DomainError(code, 'unavailable', `${name} ${what}, try again`, { cause });
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
