import { describe, expect, it } from '@jest/globals';
import {
  acceptCharge,
  backoffMs,
  checkRefundable,
  checkRepeat,
  checkRepeatedRefund,
  countCallback,
  refundCharge,
  settleCharge,
  tombstone,
  voidCharge,
  type Charge,
} from '../../../../services/third-party/domain/charge.ts';

const now = new Date('2026-11-20T10:00:00.000Z');
const later = (ms: number): Date => new Date(now.getTime() + ms);
const backoff = { minMs: 200, maxMs: 10_000 };
const request = {
  requestNo: 'PAY-1',
  amountMinor: 1_000,
  currency: 'EUR',
  callbackUrl: 'http://127.0.0.1:1/',
};
const processing = acceptCharge(request, now, 200);
const succeeded = settleCharge(processing, 'SUCCEEDED', later(200), later(250));
const failed = settleCharge(processing, 'FAILED', later(200), null);

describe('a charge', () => {
  it('is due for settlement after the latency, and for its callback after that', () => {
    expect(processing).toMatchObject({ status: 'PROCESSING', dueAt: later(200), settledAt: null });
    expect(processing.chargeNo).toMatch(/^CH-[0-9A-Z]{16}$/);
    expect(succeeded).toMatchObject({
      status: 'SUCCEEDED',
      settledAt: later(200),
      dueAt: later(250),
    });
    expect(failed.dueAt).toBeNull();
  });

  it('stays voided when its time to settle comes', () => {
    const voided = voidCharge(processing);
    expect(voided).toMatchObject({ status: 'VOIDED', dueAt: null });
    expect(settleCharge(voided, 'SUCCEEDED', now, now)).toBe(voided);
  });

  it('can be voided again, and when it has failed, but not when it has succeeded', () => {
    const voided = voidCharge(processing);
    expect(voidCharge(voided)).toBe(voided);
    expect(voidCharge(failed)).toBe(failed);
    expect(() => voidCharge(succeeded)).toThrow(
      expect.objectContaining({
        code: 'CHANNEL.SETTLED',
        kind: 'conflict',
        message: 'charge PAY-1 is SUCCEEDED and cannot become VOIDED',
      }),
    );
  });

  it('is the same charge when asked for again, whatever the callbackUrl', () => {
    expect(() => checkRepeat(succeeded, request)).not.toThrow();
    expect(() => checkRepeat(failed, { ...request, callbackUrl: 'http://b/' })).not.toThrow();
  });

  it.each<[string, Charge, object, string]>([
    ['another amount', processing, { amountMinor: 999 }, 'CHANNEL.REQUEST_REUSED'],
    ['another currency', processing, { currency: 'USD' }, 'CHANNEL.REQUEST_REUSED'],
    ['what was voided', voidCharge(processing), {}, 'CHANNEL.VOIDED'],
    ['a tombstone', tombstone('PAY-1', now), {}, 'CHANNEL.VOIDED'],
  ])('refuses %s', (_what, charge, change, code) => {
    expect(() => checkRepeat(charge, { ...request, ...change })).toThrow(
      expect.objectContaining({ code, kind: 'conflict' }),
    );
  });
});

describe('countCallback', () => {
  it('ends when the callback was taken', () => {
    const told = countCallback(succeeded, { isTaken: true, sentAt: now, backoff });
    expect(told).toMatchObject({ callbackAttemptCount: 1, dueAt: null });
  });

  it('pauses longer after every failure, up to the limit, and gives up after ten', () => {
    const pauses: (number | null)[] = [];
    let charge = succeeded;
    while (charge.dueAt !== null) {
      charge = countCallback(charge, { isTaken: false, sentAt: now, backoff });
      pauses.push(charge.dueAt && charge.dueAt.getTime() - now.getTime());
    }
    expect(pauses).toEqual([200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000, 10_000, null]);
  });

  it('doubles without end in sight', () => {
    expect(backoffMs(1_000_000, backoff)).toBe(10_000);
  });
});

describe('a refund', () => {
  const refund = { refundNo: 'REF-1', requestNo: 'PAY-1', amountMinor: 600, currency: 'EUR' };

  it.each<[string, Charge | null, object, string]>([
    ['no charge', null, {}, 'there is no charge PAY-1'],
    ['an open one', processing, {}, 'charge PAY-1 is PROCESSING'],
    ['a failed one', failed, {}, 'charge PAY-1 is FAILED'],
    ['another currency', succeeded, { currency: 'USD' }, 'charge PAY-1 is in EUR, not in USD'],
  ])('is refused of %s', (_what, charge, change, reason) => {
    expect(() => checkRefundable(charge, { ...refund, ...change })).toThrow(
      expect.objectContaining({
        code: 'CHANNEL.NOT_CHARGED',
        message: expect.stringContaining(reason),
      }),
    );
  });

  it('may be all there is, and not one cent more', () => {
    const half = refundCharge(succeeded, 600);
    expect(refundCharge(half, 400).refundedMinor).toBe(1_000);
    expect(() => refundCharge(half, 401)).toThrow(
      expect.objectContaining({
        code: 'CHANNEL.OVER_REFUND',
        message: 'the refunds of charge PAY-1 would come to 1001, it was over 1000',
      }),
    );
  });

  it.each([{ requestNo: 'PAY-2' }, { amountMinor: 1 }, { currency: 'USD' }])(
    'is another one with %j',
    (change) => {
      expect(() => checkRepeatedRefund(refund, refund)).not.toThrow();
      expect(() => checkRepeatedRefund(refund, { ...refund, ...change })).toThrow(
        expect.objectContaining({ code: 'CHANNEL.REQUEST_REUSED' }),
      );
    },
  );
});
