import { MqError } from '../../mq/errors.ts';
import type { Material } from './mutation.ts';

/** Longer, and a peer could fill our log, and its own reply, with what it sent. */
const LONGEST_MESSAGE_CHARS = 4_096;

/** One thing that parses what a peer sends, and what must be true of it whatever that is. */
export interface Target {
  readonly name: string;
  readonly material: Material;
  /**
   * Returns what became of the input in a few words, the same words for the same way through the code: inputs with
   * new words are kept and mutated further. Throws when something is wrong.
   */
  check(input: Buffer): string | Promise<string>;
  /** Ends what it started. Called between slices of time, before memory is measured. */
  rest?(): Promise<void>;
}

/** A parser may return, or refuse with an MqError of bounded length; everything else is a find. */
export function outcomeOf(parse: () => unknown): string {
  try {
    parse();
    return 'taken';
  } catch (error) {
    return refusalOf(error);
  }
}

/** Errors: the error itself, when it is not a proper refusal. */
export function refusalOf(error: unknown): string {
  if (!MqError.is(error)) throw error;
  if (error.message.length > LONGEST_MESSAGE_CHARS) {
    throw new Error(
      `a refusal of ${error.message.length} characters, the limit is ${LONGEST_MESSAGE_CHARS}: ${error.message.slice(0, 200)}`,
    );
  }
  return `${error.code} ${wordsOf(error.message)}`;
}

/** Without numbers and quoted text, which differ from input to input. */
function wordsOf(message: string): string {
  return message
    .replaceAll(/"(?:[^"\\]|\\.)*"?|'[^']*'?/g, '"')
    .replaceAll(/\d+/g, '0')
    .slice(0, 80);
}
