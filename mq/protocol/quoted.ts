const LONGEST_QUOTE_CHARS = 80;

/** A peer's text, which may be as long as its frame: the whole, or its first `maxChars` characters and an ellipsis. */
export function beginningOf(text: string, maxChars: number): string {
  return text.length <= maxChars ? text : `${text.slice(0, maxChars)}…`;
}

/** A peer's text as an error may show it: quoted, with its control characters escaped, and only its beginning when it is long. */
export function quoted(text: string): string {
  if (text.length <= LONGEST_QUOTE_CHARS) return JSON.stringify(text);
  return `${JSON.stringify(text.slice(0, LONGEST_QUOTE_CHARS))}… (${text.length} characters)`;
}
