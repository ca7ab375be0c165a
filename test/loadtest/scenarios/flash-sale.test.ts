import { describe, expect, test } from '@jest/globals';
import { flashSale } from '../../../loadtest/scenarios/flash-sale.ts';
import { proveFlashSale } from '../../../loadtest/scenarios/flash-sale-proof.ts';
import { verifyCustomerToken } from '../../../services/contracts/customer-token.ts';
import { FakeVisitor } from './fake-visitor.ts';

const secret = 'at-least-16-characters';
const ground = { saleId: 'SALE', warmUpSaleId: 'WARM', run: 'r1' };
const visit = flashSale.flow({
  ground,
  flags: flashSale.defaults,
  customerTokenSecret: secret,
  beforehand: (make) => make,
});

function userOf({ sent }: FakeVisitor, index = 0): string {
  const authorization = `Bearer ${sent[index]!.request.bearer!}`;
  return verifyCustomerToken(authorization, secret, Date.now()).userId;
}

async function visitor(
  number: number,
  statuses: readonly number[],
  isWarmUp = false,
): Promise<FakeVisitor> {
  const fake = new FakeVisitor(
    number,
    (_, index) => ({ status: statuses[index]!, body: { ticketNo: `T${number}-${index}` } }),
    isWarmUp,
  );
  await visit(fake);
  return fake;
}

describe('a visitor of the flash sale', () => {
  test('is a user of their own with a token that the gate takes, and keeps the ticket', async () => {
    const [one, other] = [await visitor(1, [202]), await visitor(2, [409])];
    expect(one.sent[0]!.request.path).toBe('/flash-sales/SALE/orders');
    expect(userOf(one)).not.toBe(userOf(other));
    expect(one.kept).toEqual([['tickets', 'T1-0']]);
    expect(one.counted).toEqual(['accepted']);
    expect(other.kept).toEqual([]);
  });

  test('now and then is the one before who tries again, or clicks twice', async () => {
    const [before, again] = [await visitor(498, [202]), await visitor(499, [409])];
    expect(userOf(again)).toBe(userOf(before));
    const twice = await visitor(250, [202, 202]);
    expect(userOf(twice, 1)).toBe(userOf(twice, 0));
    // Both tickets are kept: that there are two is for the proof to say.
    expect(twice.kept).toEqual([
      ['tickets', 'T250-0'],
      ['tickets', 'T250-1'],
    ]);
  });

  test('goes to another sale while everything warms up', async () => {
    const { sent } = await visitor(1, [202], true);
    expect(sent[0]!.request.path).toBe('/flash-sales/WARM/orders');
  });
});

interface Tables {
  orders: { orderNo: string; userId: string; status?: string }[];
  refused?: { ticketNo: string; code: string }[];
}

/** Answers the statements of the proof from tables in memory. */
function query({ orders, refused = [] }: Tables) {
  return async <T>(sql: string, values: readonly unknown[] = []): Promise<T[]> => {
    const live = orders.filter(({ status }) => status !== 'CANCELLED');
    const rows = (): object[] => {
      if (sql.includes('AS live')) return [{ count: orders.length, live: live.length }];
      if (sql.includes('GROUP BY user_id')) {
        return [{ count: live.length - new Set(live.map(({ userId }) => userId)).size }];
      }
      const byOthers = refused.filter(({ code }) => !code.startsWith('SALE.'));
      const known = sql.includes("code NOT LIKE 'SALE.%'")
        ? byOthers.map(({ ticketNo }) => ticketNo)
        : orders.map(({ orderNo }) => orderNo);
      return values
        .filter((value) => known.includes(value as string))
        .map((value) => ({ value, count: 1 }));
    };
    return rows() as T[];
  };
}

describe('the proof of a flash sale', () => {
  test('finds nothing wrong with an order for each ticket, or a refusal', async () => {
    const tables: Tables = {
      orders: [
        { orderNo: 'T1', userId: 'a' },
        { orderNo: 'T2', userId: 'b' },
        { orderNo: 'T4', userId: 'a', status: 'CANCELLED' },
      ],
      refused: [{ ticketNo: 'T3', code: 'STOCK.INSUFFICIENT' }],
    };
    expect(await proveFlashSale(query(tables), ['T1', 'T2', 'T3', 'T4'], 'SALE', 2)).toEqual({
      persisted: 3,
      oversold: 0,
      lost: 0,
      duplicated: 0,
    });
  });

  test('finds what was sold too often, twice to one user, given out twice, and promised in vain', async () => {
    const tables: Tables = {
      orders: [
        { orderNo: 'T1', userId: 'a' },
        { orderNo: 'T2', userId: 'a' },
        { orderNo: 'T3', userId: 'b' },
      ],
      refused: [{ ticketNo: 'T8', code: 'SALE.SOLD_OUT' }],
    };
    const promised = ['T1', 'T2', 'T2', 'T3', 'T8', 'T9'];
    expect(await proveFlashSale(query(tables), promised, 'SALE', 2)).toEqual({
      persisted: 3,
      oversold: 1,
      lost: 2,
      duplicated: 2,
    });
  });
});
