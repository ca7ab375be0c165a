import type { Origin } from './connection.ts';
import type { Endpoint, Request } from '../scenario.ts';

export interface RequestText {
  /** Head and body. */
  readonly text: string;
  readonly isAscii: boolean;
}

/** No control character, of which a header line could be made two; no space, of which a request line could. */
const allowed = /^[\x21-\x7e]*$/;
// oxlint-disable-next-line no-control-regex -- which characters are ASCII is what is asked
const ascii = /^[\x00-\x7f]*$/;

/**
 * Writes the requests of one endpoint. What is the same in all of them is put together once.
 *
 * Errors: RangeError, naming what a path, a token or a key may not hold.
 */
export class RequestWriter {
  readonly #endpoint: Endpoint;
  readonly #head: string;
  readonly #headBehindPath: string;

  constructor(endpoint: Endpoint, { host, port }: Origin) {
    this.#endpoint = endpoint;
    this.#headBehindPath = ` HTTP/1.1\r\nhost: ${host.includes(':') ? `[${host}]` : host}:${port}\r\n`;
    this.#head = this.#requestLine(endpoint.path);
  }

  write({ path, bearer, idempotencyKey, body }: Request): RequestText {
    let text = path === undefined ? this.#head : this.#requestLine(path);
    if (bearer !== undefined) text += `authorization: Bearer ${checked('bearer', bearer)}\r\n`;
    if (idempotencyKey !== undefined) {
      text += `idempotency-key: ${checked('idempotencyKey', idempotencyKey)}\r\n`;
    }
    if (body !== undefined) {
      const json = JSON.stringify(body);
      const isAscii = ascii.test(json);
      const length = isAscii ? json.length : Buffer.byteLength(json);
      text += `content-type: application/json\r\ncontent-length: ${length}\r\n\r\n${json}`;
      return { text, isAscii };
    }
    text += this.#endpoint.method === 'GET' ? '\r\n' : 'content-length: 0\r\n\r\n';
    return { text, isAscii: true };
  }

  #requestLine(path: string): string {
    if (!path.startsWith('/')) throw new RangeError(`path is ${path}, it must begin with /`);
    return `${this.#endpoint.method} ${checked('path', path)}${this.#headBehindPath}`;
  }
}

function checked(field: string, value: string): string {
  if (!allowed.test(value)) {
    throw new RangeError(
      `${field} is ${JSON.stringify(value)}, it must be printable ASCII without spaces`,
    );
  }
  return value;
}
