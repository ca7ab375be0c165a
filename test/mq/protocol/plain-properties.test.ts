import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { delayLevel } from '../../../mq/broker/delay-levels.ts';
import { timerRequest } from '../../../mq/broker/timer-parking.ts';
import { readPlainProperties } from '../../../mq/protocol/plain-properties.ts';
import { decodeProperties, findProperty, tagsCode } from '../../../mq/protocol/properties.ts';
import { plays } from '../../support/plays.ts';

const CLUSTER = 'DefaultCluster';

const names = fc.oneof(
  fc.constantFrom('UNIQ_KEY', 'TAGS', 'WAIT', 'CLUSTER', 'KEYS', 'PGROUP', 'TA', 'UNIQ_KEYS'),
  fc.constantFrom('CLUSTERS', 'DELA', 'WAITS', '_x', 'größe'),
);
const special = fc.constantFrom(
  'DELAY',
  'TRAN_MSG',
  'POP_CK',
  '__RMQ.TRANSIENT.x',
  'TIMER_DELAY_SEC',
  'TIMER_DELAY_MS',
  'TIMER_DELIVER_MS',
  'TIMER_DEL_UNIQKEY',
);
const values = fc.oneof(
  fc.constantFrom('false', 'true', 'falsee', CLUSTER, 'DefaultCluste', '3', 'a\u0001b'),
  fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 8 })
    .filter((text) => ['\0', '\u0001', '\u0002'].every((unit) => !text.includes(unit))),
);

function encoded(name: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc
    .tuple(fc.array(fc.tuple(name, values), { maxLength: 6 }), fc.boolean())
    .map(([pairs, hasEnd]) => {
      const text = pairs.map(([key, value]) => `${key}\u0001${value}`).join('\u0002');
      return hasEnd && text !== '' ? `${text}\u0002` : text;
    });
}

describe('plain properties', () => {
  it('are what is found by looking for one after the other', () => {
    fc.assert(
      fc.property(encoded(names), (text) => {
        expect(readPlainProperties(text, CLUSTER)).toEqual({
          uniqKey: findProperty(text, 'UNIQ_KEY'),
          tagsCode: tagsCode(findProperty(text, 'TAGS')),
          waitsForStore: findProperty(text, 'WAIT') !== 'false',
          isOfCluster: findProperty(text, 'CLUSTER') === CLUSTER,
        });
      }),
      plays(500),
    );
  });

  it('are of no message that waits, or has what is never stored', () => {
    fc.assert(
      fc.property(encoded(fc.oneof(names, special)), (text) => {
        if (readPlainProperties(text, CLUSTER) === undefined) return;
        expect(delayLevel(findProperty(text, 'DELAY'))).toBe(0);
        expect(timerRequest(text)).toBeUndefined();
        expect(findProperty(text, 'TRAN_MSG')).toBeUndefined();
        const left = [...decodeProperties(text).keys()];
        expect(left.filter((name) => /^(POP_CK|__RMQ\.TRANSIENT\..*)$/.test(name))).toEqual([]);
      }),
      plays(500),
    );
  });

  it.each([
    ['a pair without a value', 'TAGS\u0001'],
    ['a pair without a name', '\u0001x'],
    ['a name alone', 'TAGS'],
    ['an empty pair', 'A\u0001b\u0002\u0002C\u0001d'],
    ['a zero byte in a name', 'A\0\u0001b'],
  ])('are not read from %s', (_, text) => {
    expect(readPlainProperties(text, CLUSTER)).toBeUndefined();
  });
});
