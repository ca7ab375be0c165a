import { MqError } from '../errors.ts';

/** The longest that a timer can wait. */
const LONGEST_MS = 0x7fff_ffff;

/** Errors: INVALID_ARGUMENT with the name and the value. */
export function assertWholeNumber(name: string, value: number, lowest: number): void {
  if (Number.isSafeInteger(value) && value >= lowest) return;
  throw new MqError('INVALID_ARGUMENT', `${name} is ${value}, it must be an integer ≥ ${lowest}`);
}

/** Errors: INVALID_ARGUMENT with the name and the value. */
export function assertDuration(name: string, value: number, longestMs = LONGEST_MS): void {
  if (value >= 0 && value <= longestMs) return;
  throw new MqError('INVALID_ARGUMENT', `${name} is ${value}, it must be 0 to ${longestMs}`);
}
