const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const oneDigit = new Intl.NumberFormat('en', {
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});
const compact = new Intl.NumberFormat('en', { notation: 'compact' });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium', hourCycle: 'h23' });

/** @param {number} count */
export const countText = (count) => whole.format(count);

/** @param {number} count */
export const axisText = (count) => compact.format(count);

/** @param {number} perS */
export const rateText = (perS) =>
  perS > 0 && perS < 10 ? oneDigit.format(perS) : whole.format(perS);

/** @param {number} ms */
export function durationText(ms) {
  if (ms < 1_000) return `${whole.format(ms)} ms`;
  return `${oneDigit.format(ms / 1_000)} s`;
}

/**
 * How long after the beginning: seconds as long as that is easy to read.
 *
 * @param {number} ms
 */
export function sinceText(ms) {
  const seconds = Math.max(0, ms) / 1_000;
  if (seconds < 60) return `+${seconds.toFixed(2)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `+${minutes} min ${String(Math.floor(seconds % 60)).padStart(2, '0')} s`;
  return `+${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}

/** @param {number | string} at */
export const clockText = (at) => clock.format(new Date(at));

/**
 * Minor units as the currency writes them: some have no cents, some have three digits of them.
 *
 * @param {number} minor
 * @param {string} currency
 */
export function moneyText(minor, currency) {
  const format = new Intl.NumberFormat('en', { style: 'currency', currency });
  return format.format(minor / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2));
}
