import type { ValidationArguments } from 'class-validator';

const MAX_QUOTED_CHARACTERS = 64;

/** Says what came, beside what is allowed: of anything but a text only its kind, which may be long otherwise. */
export function textMessage(allowed: string): (refused: ValidationArguments) => string {
  return ({ value }) => {
    if (value === undefined) return `is missing, it must be ${allowed}`;
    if (typeof value !== 'string') {
      return `is ${value === null ? 'null' : `a ${typeof value}`}, it must be ${allowed}`;
    }
    const isLong = value.length > MAX_QUOTED_CHARACTERS;
    const quoted = JSON.stringify(value.slice(0, MAX_QUOTED_CHARACTERS));
    return `is ${quoted}${isLong ? '…' : ''}, it must be ${allowed}`;
  };
}
