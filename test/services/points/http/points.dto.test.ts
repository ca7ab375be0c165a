import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { RequestValidation } from '../../../../services/common/validation.ts';
import { PointsQueryDto } from '../../../../services/points/http/points.dto.ts';

const validate = (query: unknown): Promise<unknown> =>
  new RequestValidation().transform(query, { type: 'query', metatype: PointsQueryDto });

describe('PointsQueryDto', () => {
  it('takes an order number', async () => {
    await expect(validate({ orderNo: '20261120-7K3M9Q2T4VXA' })).resolves.toBeDefined();
  });

  it.each<[string, unknown, string]>([
    ['none', {}, 'orderNo'],
    ['an empty one', { orderNo: '' }, 'orderNo'],
    ['one with a space', { orderNo: '47 11' }, 'orderNo'],
    ['one outside of ASCII', { orderNo: '47ü11' }, 'orderNo'],
    ['one too long', { orderNo: 'x'.repeat(65) }, 'orderNo'],
    ['two', { orderNo: ['4711', '4712'] }, 'orderNo'],
    ['what it does not know', { orderNo: '4711', userId: 'user-1' }, 'userId'],
  ])('refuses %s', async (_what, query, field) => {
    await expect(validate(query)).rejects.toMatchObject({
      code: 'REQUEST.INVALID',
      fields: [{ field, message: expect.any(String) }],
    });
  });
});
