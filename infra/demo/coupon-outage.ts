import { setTimeout as delay } from 'node:timers/promises';
import { Admin, type RedriveResult } from 'millrace';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { schemas } from '../audit.ts';

/** The group that issues coupons; its dead letters are the demo's. */
const couponGroup = 'coupon-on-order-paid';

const table = `${schemas.coupon}.coupons`;
const away = `${schemas.coupon}.coupons_away`;
/** On an official broker the first retry comes after 10 s. */
const deadLettersTimeoutMs = 120_000;

export interface DeadLetter {
  orderNo: string;
  /** Deliveries, the first included. */
  tryCount: number;
}

/** An operator's mistake: the table of coupons is gone for a while, and no coupon can be issued. */
export class CouponOutage {
  readonly #databaseUrl: string;
  readonly #namesrvAddr: string;

  constructor(databaseUrl: string, namesrvAddr: string) {
    this.#databaseUrl = databaseUrl;
    this.#namesrvAddr = namesrvAddr;
  }

  async begin(): Promise<void> {
    await this.#query(`RENAME TABLE ${table} TO ${away}`);
  }

  async end(): Promise<void> {
    await this.#query(`RENAME TABLE ${away} TO ${table}`);
  }

  /** Puts back the table that a demo took away and did not live to put back. True when there was one. */
  async mend(): Promise<boolean> {
    const rows = await this.#query(
      `SELECT table_name AS name FROM information_schema.tables
        WHERE table_schema = '${schemas.coupon}' AND table_name IN ('coupons', 'coupons_away')`,
    );
    const names = rows.map((row) => String(row['name']));
    if (names.join() !== 'coupons_away') return false;
    await this.end();
    return true;
  }

  /** Waits until the messages of these orders are dead letters, and returns all of the group, by msgId. */
  async deadLetters(orderNos: readonly string[]): Promise<ReadonlyMap<string, DeadLetter>> {
    await using admin = new Admin({ namesrvAddr: this.#namesrvAddr });
    const deadline = performance.now() + deadLettersTimeoutMs;
    for (;;) {
      const messages = await admin.dlq(couponGroup);
      const orderNosThere = new Set(messages.map(({ keys }) => keys[0]));
      const missing = orderNos.filter((orderNo) => !orderNosThere.has(orderNo));
      if (missing.length === 0) {
        return new Map(
          messages.map(({ msgId, keys, reconsumeTimes }) => [
            msgId,
            { orderNo: keys[0] ?? '', tryCount: reconsumeTimes },
          ]),
        );
      }
      if (performance.now() > deadline) {
        throw new Error(`not in %DLQ%${couponGroup} in time: ${missing.join(', ')}`);
      }
      await delay(100);
    }
  }

  /** Sends every dead letter of the group to its consumers again. */
  async redrive(): Promise<RedriveResult[]> {
    await using admin = new Admin({ namesrvAddr: this.#namesrvAddr });
    return await admin.redriveDlq(couponGroup, 'all');
  }

  async #query(sql: string): Promise<RowDataPacket[]> {
    const connection = await createConnection({ uri: this.#databaseUrl });
    try {
      const [rows] = await connection.query<RowDataPacket[]>(sql);
      return rows;
    } finally {
      await connection.end();
    }
  }
}
