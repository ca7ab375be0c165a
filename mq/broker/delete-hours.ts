/**
 * The hours of the day in a `deleteWhen`, such as `04` or `04;16`.
 *
 * Errors: an Error that names the setting, its value and the hour that is none.
 * Source: RocketMQ 5.3 UtilAll.isItTimeToDo.
 */
export function parseDeleteHours(deleteWhen: string): number[] {
  return deleteWhen.split(';').map((text) => {
    const hour = /^\d{1,2}$/.test(text.trim()) ? Number(text) : Number.NaN;
    if (hour <= 23) return hour;
    throw new Error(
      `deleteWhen is ${JSON.stringify(deleteWhen)}, of which ${JSON.stringify(text)} is no hour in 0..23`,
    );
  });
}
