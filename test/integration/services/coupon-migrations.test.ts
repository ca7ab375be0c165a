import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Coupons1764000000000 } from '../../../services/coupon/persistence/migrations/1764000000000-coupons.ts';
import { Messaging1764000000001 } from '../../../services/coupon/persistence/migrations/1764000000001-messaging.ts';
import { Redemptions1764000000002 } from '../../../services/coupon/persistence/migrations/1764000000002-redemptions.ts';
import { redeem, whereIs } from './coupon-desk.ts';
import { startService } from './shop.ts';
import { Tables } from './tables.ts';

let tables: Tables;

beforeEach(async () => {
  tables = await Tables.create([], [Coupons1764000000000, Messaging1764000000001]);
});

afterEach(() => tables[Symbol.asyncDispose]());

/** As a process of the version before does it. */
const issueAsBefore = (code: string, orderNo: string): Promise<unknown> =>
  tables.dataSource.query(
    `INSERT INTO coupons (code, order_no, user_id, amount_minor, currency, issued_at, expires_at)
       VALUES (?, ?, 'user-1', 69, 'EUR', '2026-11-20 10:00:00.000', '2099-01-01 00:00:00.000')`,
    [code, orderNo],
  );

async function migrate(direction: 'up' | 'down' = 'up'): Promise<void> {
  const runner = tables.dataSource.createQueryRunner();
  try {
    await new Redemptions1764000000002()[direction](runner);
  } finally {
    await runner.release();
  }
}

describe('the step to coupons that can be used', () => {
  it('makes the coupons of before usable, when the service starts on their table', async () => {
    await issueAsBefore('AAAAAAAAAAAAAAAA', '4711');
    await using coupon = await startService('coupon', { schema: tables.schema });
    expect(await whereIs(coupon, 'AAAAAAAAAAAAAAAA')).toBe('ISSUED');
    await issueAsBefore('BBBBBBBBBBBBBBBB', '4712');
    for (const code of ['AAAAAAAAAAAAAAAA', 'BBBBBBBBBBBBBBBB']) {
      const orderNo = `for-${code}`;
      const wish = { code, orderNo, userId: 'user-1', transactionKey: orderNo };
      expect(await redeem(coupon, wish)).toBe('200');
      expect(await whereIs(coupon, code)).toBe(`REDEEMED by ${orderNo}`);
    }
  });

  it('goes on where an interrupted start left it, and can be undone', async () => {
    await issueAsBefore('AAAAAAAAAAAAAAAA', '4711');
    await tables.dataSource.query(
      `ALTER TABLE coupons ADD COLUMN status VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'ISSUED'
         CHECK (status IN ('ISSUED', 'REDEEMED', 'RECALLED')) AFTER currency`,
    );
    await migrate();
    await migrate();
    expect(await tables.count('coupons', `status = 'ISSUED' AND recall_asked_at IS NULL`)).toBe(1);
    await migrate('down');
    await issueAsBefore('BBBBBBBBBBBBBBBB', '4712');
    await migrate();
    expect(await tables.count('coupons', `status = 'ISSUED'`)).toBe(2);
  });

  it.each([
    `UPDATE coupons SET status = 'LOST'`,
    `UPDATE coupons SET status = 'REDEEMED'`,
    `UPDATE coupons SET redeemed_by_order_no = '4712'`,
    `UPDATE coupons SET status = 'RECALLED'`,
    `INSERT INTO redemptions VALUES ('4712', NULL, 'HELD', NULL, FALSE, NULL, NOW(3), NOW(3))`,
    `INSERT INTO redemptions VALUES ('4712', 'AAAAAAAAAAAAAAAA', 'KEPT', 'k', TRUE, NULL, NOW(3), NOW(3))`,
    `INSERT INTO red_packets VALUES ('P', '4711', 'u', 0, 'EUR', 'OPEN', NOW(3), NULL)`,
    `INSERT INTO red_packets VALUES ('P', '4711', 'u', 1, 'EUR', 'RECALLED', NOW(3), NULL)`,
  ])('makes tables that refuse %s', async (statement) => {
    await issueAsBefore('AAAAAAAAAAAAAAAA', '4711');
    await migrate();
    // ER_CONSTRAINT_FAILED; mysql2 knows MySQL's name of the number only.
    await expect(tables.dataSource.query(statement)).rejects.toMatchObject({ errno: 4025 });
  });
});
