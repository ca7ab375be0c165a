import { describe, expect, it } from '@jest/globals';
import { reasonProperty } from '../../../mq/client/dead-letter-reason.ts';
import { encodeProperties } from '../../../mq/protocol/properties.ts';

describe('the reason of a dead letter', () => {
  it('is kept as it is, line breaks and all', () => {
    const reason = 'Auftrag gelöscht 🚫\n\tat place (order.ts:3)';
    expect(reasonProperty(reason)).toBe(reason);
  });

  it('has blanks where it would end a property or begin the next one', () => {
    const text = reasonProperty('a\u0001b\u0002KEYS\u0001k');
    expect(text).toBe('a b KEYS k');
    expect(() => encodeProperties(new Map([['DLQ_REASON', text]]))).not.toThrow();
  });

  it.each([
    ['a', 1024],
    ['ß', 512],
    ['€', 341],
    ['🚫', 256],
    // Half a character, which UTF-8 has no bytes for: three of them stand for it.
    ['\ud83d', 341],
  ])('ends before the %j that would be its 1,025th byte', (character, count) => {
    expect(reasonProperty(character.repeat(2000))).toBe(character.repeat(count));
  });

  it('is never cut within a character', () => {
    expect(reasonProperty(`${'a'.repeat(1021)}🚫`)).toBe('a'.repeat(1021));
  });
});
