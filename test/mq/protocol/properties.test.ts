import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import {
  appendProperty,
  decodeProperties,
  encodeProperties,
  findProperty,
  javaHashCode,
  tagsCode,
} from '../../../mq/protocol/properties.ts';
import { readGoldens } from '../../support/goldens.ts';
import { plays } from '../../support/plays.ts';

describe('a properties string', () => {
  it('reads with and without a separator at its end', () => {
    const expected = [
      ['KEYS', 'k1'],
      ['TAGS', 'TagA'],
    ];
    expect([...decodeProperties('KEYS\u0001k1\u0002TAGS\u0001TagA')]).toEqual(expected);
    expect([...decodeProperties('KEYS\u0001k1\u0002TAGS\u0001TagA\u0002')]).toEqual(expected);
    expect(decodeProperties('').size).toBe(0);
  });

  it('skips pairs with an empty name, an empty value, or no value', () => {
    expect([...decodeProperties('\u0001v\u0002n\u0001\u0002lonely\u0002a\u0001b')]).toEqual([
      ['a', 'b'],
    ]);
  });

  it('is written without a separator at its end', () => {
    const properties = new Map([
      ['KEYS', 'k1'],
      ['TAGS', 'TagA'],
    ]);
    expect(encodeProperties(properties)).toBe('KEYS\u0001k1\u0002TAGS\u0001TagA');
  });

  it('cannot hold a separator inside a name or a value', () => {
    for (const property of [
      ['a\u0001', 'b'],
      ['a', 'b\u0002'],
    ] as const) {
      expect(() => encodeProperties(new Map([property]))).toThrow(
        expect.objectContaining({ code: 'MESSAGE_ILLEGAL' }),
      );
    }
  });

  it('takes another property whether or not it ends with a separator', () => {
    expect(appendProperty('', 'a', 'b')).toBe('a\u0001b');
    expect(appendProperty('x\u0001y', 'a', 'b')).toBe('x\u0001y\u0002a\u0001b');
    expect(appendProperty('x\u0001y\u0002', 'a', 'b')).toBe('x\u0001y\u0002a\u0001b');
  });

  it('gives the last of several properties of one name, and never a part of a longer name', () => {
    const encoded =
      'MY_TAGS\u0001no\u0002TAGS\u0001first\u0002x\u0001TAGS\u0002TAGS\u0001last\u0002';
    expect(findProperty(encoded, 'TAGS')).toBe('last');
    expect(decodeProperties(encoded).get('TAGS')).toBe('last');
    expect(findProperty('MY_TAGS\u0001no', 'TAGS')).toBeUndefined();
    expect(findProperty('TAGS\u0001', 'TAGS')).toBeUndefined();
  });

  it('gives the same value for every name, looked up or decoded', () => {
    const word = fc.stringMatching(/^[ab]{0,3}$/);
    fc.assert(
      fc.property(fc.array(fc.tuple(word, word), { maxLength: 6 }), word, (pairs, name) => {
        const encoded = pairs.map((pair) => pair.join('\u0001')).join('\u0002');
        fc.pre(name !== '');
        expect(findProperty(encoded, name)).toBe(decodeProperties(encoded).get(name));
      }),
      plays(),
    );
  });
});

describe('a tags code', () => {
  const golden = readGoldens('java-4.9.8');

  it.each(['TagA', 'größe-🚀', 'polygenelubricants'])('is the Java hash of %s', (tag) => {
    expect(String(javaHashCode(tag))).toBe(golden(`tag hash of ${tag}`).toString());
  });

  it('is 0 for a message without a tag', () => {
    expect(tagsCode(undefined)).toBe(0);
    expect(tagsCode('')).toBe(0);
    expect(tagsCode('TagA')).toBe(2598919);
  });
});
