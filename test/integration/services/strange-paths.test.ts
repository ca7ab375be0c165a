import { describe, expect, it } from '@jest/globals';
import { signCustomerToken } from '../../../services/contracts/customer-token.ts';
import { CUSTOMER_TOKEN_SECRET, startService } from './shop.ts';

/** What no number or name of ours is, as it may stand in a URL: some of it no column holds, some no decoder reads. */
const strange = [
  'f%C3%BCr',
  '%00',
  'a%00b',
  '%25',
  '%',
  '%FF',
  '%ED%A0%80',
  '%F0%9F%98%80',
  '%E2%80%AE',
  '%u0041',
  '..%2F..',
  'a%20b',
  "'%20OR%201=1",
  '__proto__',
  'x'.repeat(65),
  'x'.repeat(129),
];

type Request = readonly [method: 'GET' | 'POST', path: string, body?: object];
type Service = Exclude<Parameters<typeof startService>[0], undefined>;

/** `*` is where it is put. */
const requests: Readonly<Record<Service, readonly Request[]>> = {
  order: [
    ['GET', '/orders/*'],
    ['POST', '/orders/*/refunds', {}],
    ['GET', '/orders/*/refunds'],
    ['POST', '/order-transactions/*/settle', {}],
  ],
  coupon: [
    ['GET', '/coupons?orderNo=*'],
    ['GET', '/coupons/*'],
    ['GET', '/red-packets?orderNo=*'],
    ['POST', '/redemptions/*/release', {}],
  ],
  push: [['GET', '/notifications?orderNo=*']],
  stock: [
    ['GET', '/stock/*'],
    ['POST', '/reservations/*/release', {}],
  ],
  payment: [
    ['GET', '/payments?orderNo=*'],
    ['GET', '/payments/*'],
  ],
  points: [
    ['GET', '/points/*'],
    ['GET', '/points?orderNo=*'],
  ],
  warehouse: [
    ['GET', '/shipments?orderNo=*'],
    ['POST', '/shipments/*/return-receipts', { refundNo: 'R-1' }],
  ],
  refund: [
    ['GET', '/refunds/*'],
    ['GET', '/refunds?orderNo=*'],
    ['GET', '/refunds?status=*'],
    ['POST', '/refunds/*/retry'],
  ],
  'third-party': [
    ['GET', '/charges/*'],
    ['POST', '/charges/*/void', {}],
    ['GET', '/shipments/*'],
    ['POST', '/shipments/*/cancel', {}],
  ],
  flashsale: [
    ['GET', '/flash-sales/*'],
    ['POST', '/flash-sales/*/close'],
    ['POST', '/flash-sales/*/orders'],
    ['GET', '/tickets/*'],
    ['GET', '/tickets/*/events'],
  ],
  sync: [
    ['GET', '/streams/*'],
    ['POST', '/streams/*/resume'],
    ['GET', '/reports/files/*'],
    ['GET', '/reports/data?hours=*'],
    ['GET', '/reports/data?currency=*'],
  ],
};

const expiresAtS = Math.floor(Date.now() / 1_000) + 3_600;
const token = signCustomerToken({ userId: 'ada', expiresAtS }, CUSTOMER_TOKEN_SECRET);

describe('a path or a query that nobody of ours would send', () => {
  it.each(Object.keys(requests) as Service[])('is no fault of the %s service', async (name) => {
    await using service = await startService(name, {
      env: { CHANNEL_SECRET: 'a secret of the tests' },
    });
    const faults: string[] = [];
    for (const [method, path, body] of requests[name]) {
      for (const part of strange) {
        const url = path.replace('*', part);
        const headers = { 'Idempotency-Key': 'key-1', authorization: `Bearer ${token}` };
        const answer = await (method === 'GET'
          ? service.get(url, headers)
          : service.post(url, body, headers));
        await answer.body?.cancel();
        if (answer.status >= 500) faults.push(`${answer.status} to ${method} ${url}`);
      }
    }
    expect(faults).toEqual([]);
  });
});
