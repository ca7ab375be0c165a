/** The user property in which a dead letter says why its listener gave it up. */
export const DLQ_REASON = 'DLQ_REASON';

/** A message's properties share 32,767 bytes, and an error's whole stack is no reason to lose the others. */
const MAX_REASON_BYTES = 1024;

/**
 * A listener's reason as its property holds it: what separates properties on the wire becomes a blank, and what is longer
 * than 1,024 bytes of UTF-8 is cut between two characters.
 */
export function reasonProperty(reason: string): string {
  const text = reason.replaceAll('\u0001', ' ').replaceAll('\u0002', ' ');
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(MAX_REASON_BYTES));
  return text.slice(0, read);
}
