import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { RequestValidation } from '../../../../services/common/validation.ts';
import { BehaviourDto } from '../../../../services/third-party/http/behaviour.dto.ts';
import { RequestChargeDto } from '../../../../services/third-party/http/charge.dto.ts';
import { RefundDto } from '../../../../services/third-party/http/refund.dto.ts';
import { RequestShipmentDto } from '../../../../services/third-party/http/shipment.dto.ts';

const validate = (metatype: new () => object, body: unknown): Promise<unknown> =>
  new RequestValidation().transform(body, { type: 'body', metatype });

async function refusedFields(metatype: new () => object, body: unknown): Promise<string[]> {
  try {
    await validate(metatype, body);
    return [];
  } catch (error) {
    const { code, fields } = error as { code: string; fields: { field: string }[] };
    expect(code).toBe('REQUEST.INVALID');
    return fields.map(({ field }) => field);
  }
}

const charge = {
  requestNo: 'PAY-1',
  amountMinor: 1_380,
  currency: 'EUR',
  callbackUrl: 'http://127.0.0.1:3005/channel-callbacks',
};
const refund = { refundNo: 'REF-1', requestNo: 'PAY-1', amountMinor: 1, currency: 'EUR' };
const item = { sku: 'TEA-GREEN-100', quantity: 1 };
const shipment = { requestNo: 'SHP-1', orderNo: 'order-1', items: [item] };

describe('a charge that is asked for', () => {
  it.each([
    [{}, []],
    [{ requestNo: 'x'.repeat(64), amountMinor: Number.MAX_SAFE_INTEGER }, []],
    [{ callbackUrl: 'http://payment/' }, []],
    [{ requestNo: '' }, ['requestNo']],
    [{ requestNo: 'x'.repeat(65) }, ['requestNo']],
    [{ requestNo: 'a b' }, ['requestNo']],
    [{ requestNo: 'ключ' }, ['requestNo']],
    [{ requestNo: 5 }, ['requestNo']],
    [{ amountMinor: 0 }, ['amountMinor']],
    [{ amountMinor: 1.5 }, ['amountMinor']],
    [{ amountMinor: '1' }, ['amountMinor']],
    [{ amountMinor: 2 ** 53 }, ['amountMinor']],
    [{ currency: 'EURO' }, ['currency']],
    [{ currency: 'eur' }, ['currency']],
    [{ callbackUrl: 'ftp://host/' }, ['callbackUrl']],
    [{ callbackUrl: '/callbacks' }, ['callbackUrl']],
    [{ callbackUrl: 'http://user:secret@host/' }, ['callbackUrl']],
    [{ callbackUrl: `http://host/${'x'.repeat(512)}` }, ['callbackUrl']],
    [{ callbackUrl: 'http://host/ключ' }, ['callbackUrl']],
    [{ callbackUrl: ['http://host/'] }, ['callbackUrl']],
    [{ card: '4111111111111111' }, ['card']],
  ])('is checked field by field: %j', async (change, fields) => {
    expect(await refusedFields(RequestChargeDto, { ...charge, ...change })).toEqual(fields);
  });

  it('is refused with every field when it is empty', async () => {
    expect(await refusedFields(RequestChargeDto, {})).toEqual(Object.keys(charge));
  });
});

describe('a refund that is asked for', () => {
  it.each([
    [{}, []],
    [{ refundNo: null }, ['refundNo']],
    [{ requestNo: 'a b' }, ['requestNo']],
    [{ amountMinor: -1 }, ['amountMinor']],
    [{ currency: 'E' }, ['currency']],
  ])('is checked field by field: %j', async (change, fields) => {
    expect(await refusedFields(RefundDto, { ...refund, ...change })).toEqual(fields);
  });
});

describe('a shipment that is asked for', () => {
  it.each([
    [{}, []],
    [{ items: Array.from({ length: 100 }, () => item) }, []],
    [{ items: Array.from({ length: 101 }, () => item) }, ['items']],
    [{ items: [] }, ['items']],
    [{ items: item }, ['items']],
    [{ items: [null] }, ['items']],
    [{ items: [item, { ...item, quantity: 0 }] }, ['items[1].quantity']],
    [{ items: [{ ...item, sku: '' }] }, ['items[0].sku']],
    [{ orderNo: '' }, ['orderNo']],
    [{ requestNo: 'a b' }, ['requestNo']],
  ])('is checked field by field: %j', async (change, fields) => {
    expect(await refusedFields(RequestShipmentDto, { ...shipment, ...change })).toEqual(fields);
  });
});

describe('a behaviour that is asked for', () => {
  it.each([
    [{}, []],
    [{ channel: {}, carrier: {} }, []],
    [{ channel: { errorRate: 0.5, latencyMs: 0 }, carrier: { failNextShipments: 2 } }, []],
    [{ channel: { failRefundsOf: { 'PAY-1': 2 } } }, []],
    [{ channel: null }, ['channel']],
    [{ channel: 1 }, ['channel']],
    [{ channel: { errorRate: null } }, ['channel.errorRate']],
    [{ channel: { errorRate: 1.01 } }, ['channel.errorRate']],
    [{ channel: { lostAnswerRate: -0.1 } }, ['channel.lostAnswerRate']],
    [{ channel: { declineRate: '0.5' } }, ['channel.declineRate']],
    [{ channel: { duplicateCallbackRate: Number.NaN } }, ['channel.duplicateCallbackRate']],
    [{ channel: { lostCallbackRate: 2 } }, ['channel.lostCallbackRate']],
    [{ channel: { latencyMs: 600_001 } }, ['channel.latencyMs']],
    [{ channel: { lateCallbackMs: 0.5 } }, ['channel.lateCallbackMs']],
    [{ channel: { failNextRefunds: -1 } }, ['channel.failNextRefunds']],
    [{ channel: { failRefundsOf: [] } }, ['channel.failRefundsOf']],
    [{ channel: { failRefundsOf: { 'PAY-1': 0 } } }, ['channel.failRefundsOf']],
    [{ channel: { failRefundsOf: { 'a b': 1 } } }, ['channel.failRefundsOf']],
    [{ channel: { mood: 'bad' } }, ['channel.mood']],
    [
      { carrier: { latencyMs: -1, errorRate: 2, lostAnswerRate: 'x', failNextShipments: 1.5 } },
      [
        'carrier.latencyMs',
        'carrier.errorRate',
        'carrier.lostAnswerRate',
        'carrier.failNextShipments',
      ],
    ],
  ])('is checked field by field: %j', async (body, fields) => {
    expect(new Set(await refusedFields(BehaviourDto, body))).toEqual(new Set<string>(fields));
  });

  it('may fail the refunds of 100 charges, not of 101', async () => {
    const of = (count: number): object => ({
      channel: {
        failRefundsOf: Object.fromEntries(
          Array.from({ length: count }, (_, index) => [`PAY-${index}`, 1]),
        ),
      },
    });
    expect(await refusedFields(BehaviourDto, of(100))).toEqual([]);
    expect(await refusedFields(BehaviourDto, of(101))).toEqual(['channel.failRefundsOf']);
  });
});
