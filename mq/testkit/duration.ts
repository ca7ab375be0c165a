import { MqError } from '../errors.ts';

/** Milliseconds, or text as `messageDelayLevel` has it: `500ms`, `10s`, `30m`, `2h`, `1d`, and several of them, `1h 30m`. */
export type Duration = number | string;

const unitMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

const part = /(\d{1,12})(ms|s|m|h|d)/;
const whole = new RegExp(`^${part.source}(\\s*${part.source})*$`);

/** Returns milliseconds. Errors: INVALID_ARGUMENT naming what was given, and what can be. */
export function parseDuration(duration: Duration): number {
  const ms = typeof duration === 'string' ? textMs(duration.trim()) : duration;
  if (Number.isSafeInteger(ms) && ms >= 0) return ms;
  throw new MqError(
    'INVALID_ARGUMENT',
    `${typeof duration === 'string' ? JSON.stringify(duration) : duration} is no duration: give whole milliseconds from 0 on, or 500ms, 10s, 30m, 2h, 1d, or several, 1h 30m`,
  );
}

/** NaN when the text is no duration. */
function textMs(text: string): number {
  if (!whole.test(text)) return Number.NaN;
  const parts = text.matchAll(new RegExp(part, 'g'));
  return [...parts].reduce((sum, [, count, unit]) => sum + Number(count) * unitMs[unit!]!, 0);
}

/** For messages of errors: `1h 30m`. */
export function formatDuration(ms: number): string {
  const texts: string[] = [];
  let left = Math.round(ms);
  for (const [unit, size] of Object.entries(unitMs).toReversed()) {
    const count = Math.floor(left / size);
    if (count > 0) texts.push(`${count}${unit}`);
    left -= count * size;
  }
  return texts.join(' ') || '0ms';
}
