import { setTimeout as delay } from 'node:timers/promises';
import { Admin, MqError } from 'millrace';
import type { Gate } from './gate.ts';

/** The group that issues coupons; its dead letters are the demo's. */
const couponGroup = 'coupon-on-order-paid';

/** How long at least; and how long at most dead letters are waited for: on an official broker the first retry comes after 10 s. */
const usualTimes = { outageMs: 5_000, deadLettersTimeoutMs: 60_000 };

/**
 * The coupon database is stopped for 5 s, and until messages have used up their retries: their place is the dead-letter
 * queue, from where the coupon service takes them again, one by one, until its database is back.
 */
export async function stopCouponDatabase(
  gate: Pick<Gate, 'close' | 'reopen'>,
  namesrvAddr: string,
  { outageMs, deadLettersTimeoutMs } = usualTimes,
): Promise<void> {
  let lettersBefore = await deadLetterCount(namesrvAddr);
  const deadline = performance.now() + deadLettersTimeoutMs;
  await gate.close();
  try {
    await delay(outageMs);
    for (;;) {
      const letters = await deadLetterCount(namesrvAddr);
      if (letters !== undefined && lettersBefore !== undefined && letters > lettersBefore) return;
      if (performance.now() > deadline) return;
      lettersBefore ??= letters;
      await delay(200);
    }
  } finally {
    await gate.reopen();
  }
}

/** Of the orders of this run, those whose message has been a dead letter. */
export async function deadLetterOrders(
  namesrvAddr: string,
  orderNos: ReadonlySet<string>,
): Promise<ReadonlySet<string>> {
  await using admin = new Admin({ namesrvAddr });
  // What earlier runs have left is kept for days, and may be more than one answer has.
  const letters = await admin.dlq(couponGroup, { order: 'NEWEST_FIRST' });
  return new Set(letters.map(({ keys }) => keys[0] ?? '').filter((no) => orderNos.has(no)));
}

/**
 * Undefined: nobody answers now. On a slow machine the outage lasts until the demo kills the broker, and before that an answer
 * may take too long.
 */
async function deadLetterCount(namesrvAddr: string): Promise<number | undefined> {
  try {
    await using admin = new Admin({ namesrvAddr });
    return await admin.dlqCount(couponGroup);
  } catch (error) {
    if (MqError.is(error)) return undefined;
    throw error;
  }
}
