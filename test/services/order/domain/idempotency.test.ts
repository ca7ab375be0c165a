import { describe, expect, it } from '@jest/globals';
import {
  idempotencyKeyOf,
  requestFingerprint,
} from '../../../../services/order/domain/idempotency.ts';

const request = {
  userId: 'u1',
  lines: [
    { sku: 'TEA', quantity: 1 },
    { sku: 'MUG', quantity: 2 },
  ],
};

describe('requestFingerprint', () => {
  it('is the same however the fields were ordered', () => {
    const reordered = {
      lines: [
        { quantity: 1, sku: 'TEA' },
        { quantity: 2, sku: 'MUG' },
      ],
      userId: 'u1',
    };
    expect(requestFingerprint(reordered)).toBe(requestFingerprint(request));
  });

  it.each([
    ['another user', { ...request, userId: 'u2' }],
    [
      'another quantity',
      {
        ...request,
        lines: [
          { sku: 'TEA', quantity: 1 },
          { sku: 'MUG', quantity: 3 },
        ],
      },
    ],
    ['a line less', { ...request, lines: [{ sku: 'TEA', quantity: 1 }] }],
    ['lines the other way round', { ...request, lines: request.lines.toReversed() }],
  ])('differs for %s', (_what, other) => {
    expect(requestFingerprint(other)).not.toBe(requestFingerprint(request));
  });
});

describe('idempotencyKeyOf', () => {
  it.each(['a', '5f0c1d9e-2b1a-4b7e-9a53-0e7d3c9b1f42', '"quoted"', 'x'.repeat(128)])(
    'takes %p',
    (key) => expect(idempotencyKeyOf(key)).toBe(key),
  );

  it.each([undefined, ''])('misses %p', (key) =>
    expect(() => idempotencyKeyOf(key)).toThrow('Idempotency-Key is missing'),
  );

  it('refuses a long one with its length and the limit', () =>
    expect(() => idempotencyKeyOf('x'.repeat(129))).toThrow(
      'has 129 characters, at most 128 are allowed',
    ));

  it.each(['two words', 'schlüssel', 'sent, twice'])('says what cannot be in %p', (key) =>
    expect(() => idempotencyKeyOf(key)).toThrow(
      'has a character that is not visible ASCII (a space, say), or came more than once',
    ),
  );
});
