import { MqError } from '../errors.ts';

/** What makes a message one that can never be stored, or read. */
const hopeless: ReadonlySet<string> = new Set([
  'MESSAGE_ILLEGAL',
  'MESSAGE_CORRUPT',
  'INVALID_ARGUMENT',
]);

/** A failure that comes from the message itself. All others pass: the disk gets space, the store is reopened. */
export function isHopeless(cause: unknown): boolean {
  return MqError.is(cause) && hopeless.has(cause.code);
}

/** What the store returned, cut by the size each record begins with, which the store has compared with its entry. */
export function* recordsOf(buffers: readonly Buffer[]): Generator<Buffer> {
  for (const buffer of buffers) {
    for (let at = 0; at < buffer.length;) {
      const end = at + buffer.readInt32BE(at);
      yield buffer.subarray(at, end);
      at = end;
    }
  }
}
