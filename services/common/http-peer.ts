import { DomainError, type DomainErrorKind } from './errors.ts';

/** Another process that is asked over HTTP: of ours or of a third party. */
export interface HttpPeerOptions {
  /** What it is called in errors: `stock` gives STOCK.UNAVAILABLE. */
  name: string;
  url: string;
  timeoutMs: number;
}

const kindOfStatus: Readonly<Record<number, DomainErrorKind>> = {
  400: 'invalid',
  404: 'not_found',
  409: 'conflict',
};

/**
 * Asks another process, for no longer than its time limit, and reads its refusals as ours.
 *
 * Errors: a DomainError with the code the other gave, of kind invalid, not_found or conflict; NAME.UNAVAILABLE when it does
 *         not answer in time, cannot be reached, or has a fault. Then nobody knows whether it was done: ask again, with the
 *         same number.
 */
export class HttpPeer {
  readonly #options: HttpPeerOptions;

  constructor(options: HttpPeerOptions) {
    this.#options = options;
  }

  get(path: string): Promise<unknown> {
    return this.#ask(path, { method: 'GET' });
  }

  post(path: string, body: object): Promise<unknown> {
    return this.#ask(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  }

  async #ask(path: string, request: RequestInit): Promise<unknown> {
    const { url, timeoutMs } = this.#options;
    let status: number;
    let text: string;
    try {
      const signal = AbortSignal.timeout(timeoutMs);
      // Followed, a redirection would make a GET of a POST, and whatever that answers would pass for its having been done.
      const answer = await fetch(`${url}${path}`, { ...request, redirect: 'manual', signal });
      status = answer.status;
      text = await answer.text();
    } catch (error) {
      throw this.#unavailable(
        `has not answered within ${timeoutMs} ms or cannot be reached`,
        error,
      );
    }
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
