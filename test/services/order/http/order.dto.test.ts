import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { RequestValidation } from '../../../../services/common/validation.ts';
import { PlaceOrderDto } from '../../../../services/order/http/order.dto.ts';

const tea = { sku: 'TEA-GREEN-100', quantity: 1 };

const validate = (body: unknown): Promise<unknown> =>
  new RequestValidation().transform(body, { type: 'body', metatype: PlaceOrderDto });

const order = (items: unknown): unknown => ({ userId: 'user-1', items });

describe('PlaceOrderDto', () => {
  it('takes an order', async () => {
    await expect(validate(order([tea]))).resolves.toEqual(order([tea]));
    await expect(validate(order(Array.from({ length: 100 }, () => tea)))).resolves.toBeDefined();
  });

  it.each([
    ['an empty body', {}, ['userId', 'items']],
    ['no user', { items: [tea] }, ['userId']],
    ['a user with a space', { userId: 'a b', items: [tea] }, ['userId']],
    ['a user that is a list', { userId: ['u'], items: [tea] }, ['userId']],
    ['items that are one', order(tea), ['items']],
    ['items that are null', order(null), ['items']],
    ['an item that is null', order([null]), ['items']],
    ['an item that is a list', order([[]]), ['items']],
    ['a sku in lower case', order([{ ...tea, sku: 'tea' }]), ['items[0].sku']],
    ['a sku that is a number', order([{ ...tea, sku: 5 }]), ['items[0].sku']],
    ['no quantity', order([tea, { sku: 'MUG' }]), ['items[1].quantity']],
    ['an unknown field', { ...(order([tea]) as object), discount: 100 }, ['discount']],
    ['an unknown field in an item', order([{ ...tea, price: 1 }]), ['items[0].price']],
  ])('names the field of %s', async (_what, body, fields) => {
    await expect(validate(body)).rejects.toMatchObject({
      code: 'REQUEST.INVALID',
      kind: 'invalid',
      fields: fields.map((field) => ({ field, message: expect.any(String) })),
    });
  });

  it.each([
    [0, 'is 0, it must be a whole number from 1 to 999'],
    [-1, 'is -1, it must be a whole number from 1 to 999'],
    [1.5, 'is 1.5, it must be a whole number from 1 to 999'],
    [1_000, 'is 1000, it must be a whole number from 1 to 999'],
    [Number.POSITIVE_INFINITY, 'is Infinity, it must be a whole number from 1 to 999'],
    [undefined, 'is missing, it must be a whole number from 1 to 999'],
    [null, 'is null, it must be a whole number from 1 to 999'],
    [Number.NaN, 'is NaN, it must be a whole number from 1 to 999'],
    ['2', 'is a string, it must be a whole number from 1 to 999'],
  ])('refuses the quantity %p with what came and what is allowed', async (quantity, message) => {
    await expect(validate(order([{ ...tea, quantity }]))).rejects.toMatchObject({
      fields: [{ field: 'items[0].quantity', message }],
    });
  });

  it('refuses 10,000 items with both numbers, once', async () => {
    const items = Array.from({ length: 10_000 }, () => ({ ...tea, quantity: 0 }));
    await expect(validate(order(items))).rejects.toMatchObject({
      fields: [{ field: 'items', message: 'has 10000 entries, at most 100 are allowed' }],
    });
  });

  it.each<[string, unknown, string]>([
    [
      'more values than any order has',
      { x: Array.from({ length: 300_000 }, () => ({})) },
      '300001',
    ],
    [
      'endless nesting',
      JSON.parse('[{"x":'.repeat(50_000) + '1' + '}]'.repeat(50_000)),
      '8 levels',
    ],
  ])('refuses %s without looking at each', async (_what, body, number) => {
    await expect(validate(body)).rejects.toMatchObject({
      code: 'REQUEST.INVALID',
      fields: [{ field: '', message: expect.stringContaining(number) }],
    });
  });

  it.each(['constructor', 'toString', 'hasOwnProperty', '__proto__'])(
    'refuses the field %s, which every object seems to have',
    async (name) => {
      const item: unknown = JSON.parse(`{"sku":"MUG-BLUE","quantity":1,"${name}":1}`);
      await expect(validate(order([item]))).rejects.toMatchObject({
        fields: [{ field: name, message: 'should not exist' }],
      });
    },
  );

  it('repeats the name of an unknown field, but not at any length', async () => {
    const refusal = validate({ ...(order([tea]) as object), ['x'.repeat(900_000)]: 1 });
    await expect(refusal).rejects.toMatchObject({
      fields: [{ field: `${'x'.repeat(64)}…`, message: 'should not exist' }],
    });
  });

  it('refuses an order of nothing', async () => {
    await expect(validate(order([]))).rejects.toMatchObject({
      fields: [{ field: 'items', message: 'is empty, an order has at least 1 item' }],
    });
  });

  it('lists at most 20 fields and says how many more there are', async () => {
    const items = Array.from({ length: 30 }, () => ({ ...tea, quantity: 0 }));
    const refusal = await validate(order(items)).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ message: expect.stringContaining('(10 more not listed)') });
    expect((refusal as { fields: unknown[] }).fields).toHaveLength(20);
  });

  it.each([[[]], [[tea]], ['text'], [5], [true], [null], [undefined]])(
    'refuses a body that is %j',
    async (body) => {
      await expect(validate(body)).rejects.toMatchObject({ code: 'REQUEST.INVALID' });
    },
  );
});
