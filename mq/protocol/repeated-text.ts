import { isAscii } from './header-text.ts';

/** A connection keeps five texts; longer ones than any group or topic are a peer's mistake, and are not kept. */
const MAX_KEPT_BYTES = 256;

/** A text that is usually the one before: then no text is made, and whoever looks it up finds the very same one. */
export class RepeatedText {
  #bytes: Buffer = Buffer.alloc(0);
  #text = '';

  /** Undefined when it is not ASCII. */
  read(source: Buffer, at: number, end: number): string | undefined {
    if (this.#isSame(source, at, end)) return this.#text;
    if (!isAscii(source, at, end)) return undefined;
    const text = source.toString('latin1', at, end);
    if (end - at > MAX_KEPT_BYTES) return text;
    this.#bytes = Buffer.from(source.subarray(at, end));
    this.#text = text;
    return text;
  }

  #isSame(source: Buffer, at: number, end: number): boolean {
    const bytes = this.#bytes;
    if (bytes.length !== end - at) return false;
    for (let index = 0; index < bytes.length; index++) {
      if (bytes[index] !== source[at + index]) return false;
    }
    return true;
  }
}
