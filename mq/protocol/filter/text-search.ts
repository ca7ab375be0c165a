/** Below this, the engine's own search takes no more than a few steps for each character of the text. */
const SHORT_CHARS = 32;

/**
 * A search for one text in many others that looks at each character a bounded number of times, whatever the two are: the
 * engine's own `includes` can be made to take the product of both lengths, and here strangers choose both.
 */
export class TextSearch {
  readonly text: string;
  /** Knuth, Morris and Pratt: how much of the text still matches after a mismatch behind its first n + 1 characters. */
  readonly #borders: Uint32Array | undefined;

  constructor(text: string) {
    this.text = text;
    if (text.length > SHORT_CHARS) this.#borders = bordersOf(text);
  }

  isIn(other: string): boolean {
    const { text } = this;
    const borders = this.#borders;
    if (borders === undefined) return other.includes(text);
    let matched = 0;
    for (let at = 0; at < other.length; at++) {
      const char = other.charCodeAt(at);
      while (matched > 0 && char !== text.charCodeAt(matched)) matched = borders[matched - 1]!;
      if (char === text.charCodeAt(matched)) matched++;
      if (matched === text.length) return true;
    }
    return false;
  }
}

function bordersOf(text: string): Uint32Array {
  const borders = new Uint32Array(text.length);
  let length = 0;
  for (let at = 1; at < text.length; at++) {
    const char = text.charCodeAt(at);
    while (length > 0 && char !== text.charCodeAt(length)) length = borders[length - 1]!;
    if (char === text.charCodeAt(length)) length++;
    borders[at] = length;
  }
  return borders;
}
