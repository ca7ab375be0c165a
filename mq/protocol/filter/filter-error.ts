import { MqError } from '../../errors.ts';
import { beginningOf } from '../quoted.ts';

/** How much of what was found is repeated to whoever wrote it. */
const SHOWN_CHARS = 40;

/**
 * Why an expression is no filter: code SUBSCRIPTION_PARSE_FAILED on either side of the wire, `details.position` counts
 * characters from 1.
 */
export function filterError(at: number, problem: string): MqError {
  const position = at + 1;
  return new MqError(
    'SUBSCRIPTION_PARSE_FAILED',
    `the SQL92 expression is wrong at position ${position}: ${problem}`,
    { details: { position } },
  );
}

/** A piece of the expression as error messages show it. */
export function shown(text: string): string {
  return beginningOf(text, SHOWN_CHARS);
}
