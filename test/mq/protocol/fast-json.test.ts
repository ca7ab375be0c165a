import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { MqError } from '../../../mq/errors.ts';
import { formatFastJson, parseFastJson } from '../../../mq/protocol/fast-json.ts';
import { plays } from '../../support/plays.ts';

describe('the JSON that FastJSON writes', () => {
  it('may have numbers as unquoted keys', () => {
    expect(parseFastJson('{"brokerAddrs":{0:"a:1",1:"b:2",-3:"c:3"}}')).toEqual({
      brokerAddrs: { '0': 'a:1', '1': 'b:2', '-3': 'c:3' },
    });
  });

  it('may have objects as keys', () => {
    const text =
      '{"offsetTable":{{"brokerName":"broker-a","queueId":3,"topic":"TopicA"}:{"maxOffset":8},' +
      '{"brokerName":"broker-a","queueId":1,"topic":"TopicA"}:{"maxOffset":7}}}';
    const { offsetTable } = parseFastJson(text) as { offsetTable: Map<object, object> };
    expect([...offsetTable]).toEqual([
      [{ brokerName: 'broker-a', queueId: 3, topic: 'TopicA' }, { maxOffset: 8 }],
      [{ brokerName: 'broker-a', queueId: 1, topic: 'TopicA' }, { maxOffset: 7 }],
    ]);
  });

  it('may have blanks between its parts', () => {
    expect(parseFastJson(' {\n "a" :\t[ 1 , { } , [ ] ] , 2 : null }\r\n')).toEqual({
      a: [1, {}, []],
      '2': null,
    });
  });

  it('has every escape that standard JSON has', () => {
    expect(parseFastJson('"\\"\\\\\\/\\b\\n\\u00fc\\ud83d\\ude80ü"')).toBe('"\\/\b\nü🚀ü');
  });

  it('may have a key called __proto__, which changes nothing but its own object', () => {
    const parsed = parseFastJson('{"__proto__":{"isAdmin":true}}') as Record<string, unknown>;
    expect(Object.keys(parsed)).toEqual(['__proto__']);
    expect('isAdmin' in {}).toBe(false);
    expect(parsed['isAdmin']).toBeUndefined();
  });

  it('may hold any Java long: beyond 2^53 it comes exact, as a bigint', () => {
    expect(parseFastJson('[9007199254740991,-9007199254740991]')).toEqual([
      9007199254740991, -9007199254740991,
    ]);
    expect(parseFastJson('[9007199254740993,-9223372036854775808]')).toEqual([
      9007199254740993n,
      -9223372036854775808n,
    ]);
    expect(() => parseFastJson('9223372036854775808')).toThrow(
      'integer 9223372036854775808 does not fit 64 bits',
    );
    expect(() => parseFastJson('1'.repeat(1_000_000))).toThrow('does not fit 64 bits');
    expect(parseFastJson('[0.1,1e3,-2.5E-3]')).toEqual([0.1, 1000, -0.0025]);
  });

  it.each([
    ['nothing', '', 'JSON at character 0: expected a value, found the end'],
    ['an open object', '{"a":1', "JSON at character 6: expected '}', found the end"],
    ['an open list', '[1,', 'JSON at character 3: expected a value, found the end'],
    ['an open string', '"abc', 'JSON at character 0: a string is not closed'],
    ['a string that ends in a backslash', '"abc\\', 'a string is not closed'],
    ['an illegal escape', '"\\x"', 'a string holds an illegal character or escape'],
    ['two values', '1 2', 'JSON at character 2: expected the end of the text, found "2"'],
    ['a missing colon', '{"a" 1}', 'expected \':\', found "1"'],
    ['a trailing comma', '[1,]', 'expected a value, found "]"'],
    ['a word', 'nothing', 'expected null, found "n"'],
    ['an unquoted name', '{a:1}', 'expected a value, found "a"'],
    ['object keys mixed with others', '{{"a":1}:2,"b":3}', "expected '{', found"],
  ])('is refused when it is %s', (_, text, reason) => {
    expect(() => parseFastJson(text)).toThrow(reason);
    expect(() => parseFastJson(text)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    );
  });

  it('is refused when it is too deep or too long, before the stack or the memory is', () => {
    expect(() => parseFastJson('['.repeat(1_000_000))).toThrow('nesting of 65 exceeds 64');
    expect(() => parseFastJson('{'.repeat(1_000_000))).toThrow('nesting of 65 exceeds 64');
    expect(() => parseFastJson('12345', { maxDepth: 1, maxChars: 4 })).toThrow(
      'JSON of 5 characters exceeds 4',
    );
  });

  it('reads as JSON.parse reads it, when it is standard', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        let parsed: unknown;
        try {
          parsed = parseFastJson(text);
        } catch (error) {
          // The one thing JSON.parse accepts and this does not.
          expect((error as Error).message).toContain('does not fit 64 bits');
          return;
        }
        // JSON.parse rounds what this keeps exact.
        const rounded = JSON.stringify(parsed, (_key, value: unknown) =>
          typeof value === 'bigint' ? Number(value) : value,
        );
        expect(JSON.parse(rounded)).toEqual(JSON.parse(text));
      }),
      plays(),
    );
  });

  it('is refused with INVALID_ARGUMENT, or reads, whatever it is: nothing else is thrown', () => {
    const pieces = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ':',
      ',',
      '"',
      '\\',
      '1',
      '-',
      't',
      'null',
      'é',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 30 }), (parts) => {
        try {
          parseFastJson(parts.join(''));
        } catch (error) {
          expect(MqError.is(error) && error.code).toBe('INVALID_ARGUMENT');
        }
      }),
      plays(1000),
    );
  });
});

describe('the JSON we write', () => {
  it('has no blanks, quoted numeric keys, object keys as objects, and {} for an empty map', () => {
    const value = {
      brokerAddrs: new Map([[0, 'a:1']]),
      offsetTable: new Map([[{ topic: 'T', queueId: 1 }, 7]]),
      attributes: new Map(),
      absent: undefined,
      nothing: null,
      list: [1, 'two', true],
    };
    expect(formatFastJson(value)).toBe(
      '{"brokerAddrs":{"0":"a:1"},"offsetTable":{{"topic":"T","queueId":1}:7},"attributes":{},' +
        '"nothing":null,"list":[1,"two",true]}',
    );
  });

  it('cannot hold a number that is not exact', () => {
    for (const value of [2 ** 53, Number.NaN, Infinity]) {
      expect(() => formatFastJson({ value })).toThrow(`number ${value} cannot be written exactly`);
    }
    expect(formatFastJson([0.25, -1])).toBe('[0.25,-1]');
  });

  it('reads back as it was', () => {
    const queue = fc.record({ topic: fc.string(), queueId: fc.nat() });
    const table = fc.array(fc.tuple(queue, fc.nat()), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(table, (entries) => {
        const parsed = parseFastJson(formatFastJson(new Map(entries))) as Map<object, number>;
        expect([...parsed]).toEqual(entries);
      }),
      plays(),
    );
  });
});
