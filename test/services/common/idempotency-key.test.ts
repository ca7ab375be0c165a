import { describe, expect, it } from '@jest/globals';
import { fingerprintOf, idempotencyKeyOf } from '../../../services/common/idempotency-key.ts';

describe('fingerprintOf', () => {
  const values = ['u1', ['TEA', 1], ['MUG', 2]];

  it('is the same for the same values', () => {
    expect(fingerprintOf([...values])).toBe(fingerprintOf(values));
    expect(fingerprintOf(values)).toMatch(/^[0-9a-f]{64}$/);
  });

  it.each([
    ['another user', ['u2', ['TEA', 1], ['MUG', 2]]],
    ['another quantity', ['u1', ['TEA', 1], ['MUG', 3]]],
    ['a line less', ['u1', ['TEA', 1]]],
    ['lines the other way round', ['u1', ['MUG', 2], ['TEA', 1]]],
    ['the same text cut elsewhere', ['u1', ['TEA', 1, 'MUG', 2]]],
  ])('differs for %s', (_what, other) => {
    expect(fingerprintOf(other)).not.toBe(fingerprintOf(values));
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
