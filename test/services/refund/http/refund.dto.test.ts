import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { RequestValidation } from '../../../../services/common/validation.ts';
import { RefundQueryDto } from '../../../../services/refund/http/refund.dto.ts';

const validate = (query: unknown): Promise<unknown> =>
  new RequestValidation().transform(query, { type: 'query', metatype: RefundQueryDto });

describe('RefundQueryDto', () => {
  it.each([{ orderNo: '4711' }, { status: 'STUCK' }, { orderNo: '4711', status: 'COMPLETED' }])(
    'takes %j',
    async (query) => {
      await expect(validate(query)).resolves.toMatchObject(query);
    },
  );

  it.each<[string, unknown, string, string]>([
    [
      'a status there is not',
      { status: 'stuck' },
      'status',
      'must be one of RUNNING, STUCK, COMPLETED',
    ],
    [
      'two statuses',
      { status: ['STUCK', 'RUNNING'] },
      'status',
      'must be one of RUNNING, STUCK, COMPLETED',
    ],
    ['an order number with a space', { orderNo: '47 11' }, 'orderNo', 'must be an order number'],
    ['one outside of ASCII', { orderNo: '47ü11' }, 'orderNo', 'must be an order number'],
    ['an empty one', { orderNo: '' }, 'orderNo', 'must be an order number'],
    ['one too long', { orderNo: 'x'.repeat(65) }, 'orderNo', 'must be an order number'],
    ['two order numbers', { orderNo: ['4711', '4712'] }, 'orderNo', 'must be an order number'],
    ['what it does not know', { orderNo: '4711', refundNo: 'R-1' }, 'refundNo', 'should not exist'],
  ])('refuses %s', async (_what, query, field, message) => {
    await expect(validate(query)).rejects.toMatchObject({
      code: 'REQUEST.INVALID',
      kind: 'invalid',
      fields: [{ field, message }],
    });
  });
});
