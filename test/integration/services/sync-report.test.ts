import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { gzipSync } from 'node:zlib';
import { Clock } from '../../../services/common/clock.ts';
import { CopyDatabase } from '../../../services/sync/copy/copy-database.ts';
import { OrderReports } from '../../../services/sync/report/order-report.ts';
import { pageFiles } from '../../../services/sync/report/page-files.ts';
import { dropSchema, newSchema } from './shop.ts';

const MAX_PAGE_BYTES = 100_000;

let copy: CopyDatabase;
let reports: OrderReports;

beforeEach(() => {
  const url = new URL(process.env['DATABASE_URL'] ?? '');
  copy = new CopyDatabase({
    address: {
      host: url.hostname,
      port: Number(url.port || 3306),
      user: decodeURIComponent(url.username) || 'root',
      password: decodeURIComponent(url.password),
      schema: newSchema(),
    },
    poolSize: 2,
    statementTimeoutMs: 10_000,
  });
  const clock = new Clock();
  clock.now = () => new Date('2026-11-30T12:34:56.000Z');
  reports = new OrderReports(copy, clock);
});

afterEach(async () => {
  await copy.onApplicationShutdown();
  await dropSchema(copy.schema);
});

async function createTables(saleColumn = ', sale_id VARCHAR(32) NULL'): Promise<void> {
  const guard = '_version CHAR(35) NOT NULL, _deleted BOOLEAN NOT NULL';
  await copy.query(
    `CREATE TABLE orders (order_no VARCHAR(32) PRIMARY KEY, status VARCHAR(32) NULL, total_minor BIGINT NULL, currency CHAR(3) NULL,
       placed_at DATETIME(3) NULL, paid_at DATETIME(3) NULL${saleColumn}, ${guard})`,
  );
  await copy.query(
    `CREATE TABLE order_refunds (refund_no VARCHAR(32) PRIMARY KEY, order_no VARCHAR(32) NULL, reason VARCHAR(16) NULL,
       amount_minor BIGINT NULL, completed_at DATETIME(3) NULL, ${guard})`,
  );
}

const at = (time: string): string => `2026-11-30 ${time}`;

async function insertOrders(orders: readonly (readonly unknown[])[]): Promise<void> {
  await copy.query(
    `INSERT INTO orders (order_no, status, total_minor, currency, placed_at, paid_at, sale_id, _deleted, _version) VALUES ?`,
    [orders.map((order) => [...order, '1'])],
  );
}

describe('the report', () => {
  it('counts by the hour in which it happened, and leaves out what is gone, was never paid, or came too late', async () => {
    await createTables();
    await insertOrders([
      ['O-1', 'PAID', 1_000, 'EUR', at('10:59:59.999'), at('11:00:00.000'), 'S-1', 0],
      ['O-2', 'REFUNDED', 3_000, 'EUR', at('11:10:00.000'), at('12:01:00.000'), 'S-1', 0],
      ['O-3', 'CANCELLED', 9_000, 'EUR', at('12:00:00.000'), null, 'S-1', 0],
      ['O-4', 'PENDING', 9_000, 'EUR', at('12:30:00.000'), null, null, 0],
      ['O-5', 'PAID', 7_000, 'USD', at('12:30:00.000'), at('12:31:00.000'), 'S-2', 0],
      ['O-6', 'PAID', 5_000, 'EUR', at('12:30:00.000'), at('12:31:00.000'), 'S-2', 1],
      ['O-7', 'PAID', 5_000, 'EUR', at('09:30:00.000'), at('09:31:00.000'), null, 0],
    ]);
    await copy.query(
      'INSERT INTO order_refunds (refund_no, order_no, reason, amount_minor, completed_at, _deleted, _version) VALUES ?',
      [
        [
          ['R-1', 'O-2', 'CUSTOMER', 1_000, at('12:20:00.000'), 0, '1'],
          ['R-2', 'O-2', 'CUSTOMER', 2_000, null, 0, '1'],
          ['R-3', 'O-3', 'LATE_PAYMENT', 9_000, at('12:20:00.000'), 0, '1'],
          ['R-4', 'O-5', 'CUSTOMER', 7_000, at('12:32:00.000'), 0, '1'],
        ],
      ],
    );
    await copy.query(
      "INSERT INTO _progress (queue, version, committed_at, applied_at) VALUES ('q', '1', '2026-11-30 12:33:00', '2026-11-30 12:33:01')",
    );
    expect(await reports.of(3)).toEqual({
      lastChangeAt: '2026-11-30T12:33:00.000Z',
      currency: 'EUR',
      totals: {
        placedCount: 5,
        paidCount: 3,
        revenueMinor: 4_000,
        refundMinor: 1_000,
        refundRate: 0.25,
      },
      hours: [
        hour('10', { placedCount: 1 }),
        hour('11', { placedCount: 1, paidCount: 1, revenueMinor: 1_000 }),
        hour('12', { placedCount: 3, paidCount: 2, revenueMinor: 3_000, refundMinor: 1_000 }),
      ],
      sales: [
        { saleId: 'S-2', placedCount: 1, paidCount: 1, closedCount: 0, conversion: 1 },
        { saleId: 'S-1', placedCount: 3, paidCount: 2, closedCount: 1, conversion: 2 / 3 },
      ],
    });
    expect(await reports.of(1, 'USD')).toMatchObject({
      currency: 'USD',
      totals: { revenueMinor: 7_000, refundMinor: 7_000, refundRate: 1 },
    });
  });

  it('is of nothing when there is nothing, and knows no sale before there is one', async () => {
    await createTables('');
    expect(await reports.of(1)).toEqual({
      lastChangeAt: undefined,
      currency: undefined,
      totals: {
        placedCount: 0,
        paidCount: 0,
        revenueMinor: 0,
        refundMinor: 0,
        refundRate: undefined,
      },
      hours: [hour('12', {})],
      sales: [],
    });
  });

  it('is made once for all who want the same, and for three who want others; the next is told to come again', async () => {
    await createTables();
    const asked = [1, 2, 3].map((hours) => reports.of(hours));
    expect(reports.of(1)).toBe(asked[0]);
    expect(() => reports.of(4)).toThrow('3 other reports are being made just now');
    await Promise.all(asked);
    expect((await reports.of(4)).hours).toHaveLength(4);
  });

  it('says that the copy is being made while it has no tables', async () => {
    await expect(reports.of(24)).rejects.toMatchObject({
      code: 'REPORT.NOT_YET',
      kind: 'unavailable',
    });
  });
});

describe('the page of the report', () => {
  it('is small, asks nobody else, and has every file that it names', async () => {
    let bytes = 0;
    for (const name of pageFiles.names) {
      const file = await pageFiles.find(name);
      bytes += Buffer.byteLength(file?.text ?? '');
      expect({ name, isEmpty: gzipSync(file?.text ?? '').length < 100 }).toMatchObject({
        isEmpty: false,
      });
    }
    expect(bytes).toBeLessThanOrEqual(MAX_PAGE_BYTES);
    const html = (await pageFiles.find('index.html'))?.text ?? '';
    const named = [...html.matchAll(/(?:href|src)="([^"]+)"/g)].map(([, path]) => path ?? '');
    for (const path of named.filter((each) => each !== 'data:,')) {
      expect(pageFiles.names).toContain(path.replace(/^reports\/files\//, ''));
    }
    expect(await pageFiles.find('../config.ts')).toBeUndefined();
  });
});

function hour(
  hourOfDay: string,
  counts: Partial<Record<'placedCount' | 'paidCount' | 'revenueMinor' | 'refundMinor', number>>,
) {
  const nothing = { placedCount: 0, paidCount: 0, revenueMinor: 0, refundMinor: 0 };
  return { at: `2026-11-30T${hourOfDay}:00:00.000Z`, ...nothing, ...counts };
}
