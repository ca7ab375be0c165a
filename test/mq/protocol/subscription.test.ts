import { describe, expect, it } from '@jest/globals';
import { JsonBody } from '../../../mq/protocol/json-body.ts';
import {
  assertTagLimits,
  readSubscription,
  subscriptionOf,
  tagLimits,
  tagSubscription,
  type MessageSelector,
} from '../../../mq/protocol/subscription.ts';
import { readGoldens } from '../../support/goldens.ts';

function read(value: object) {
  const body = Buffer.from(JSON.stringify({ topic: 'T', ...value }));
  return readSubscription(JsonBody.parse(body, 'SubscriptionData'));
}

describe('a tag subscription', () => {
  it.each(['java-4.9.8', 'java-5.5.0'] as const)(
    'has the tags and hashes that %s computes',
    (maker) => {
      const golden = JsonBody.parse(readGoldens(maker)('subscription'), 'SubscriptionData');
      const theirs = readSubscription(golden);
      const ours = tagSubscription('TopicA', 'TagA || TagB||TagC', 1_795_171_321_308);
      // Java keeps both in hash sets, so their order means nothing.
      const unordered = (subscription: typeof ours) => ({
        ...subscription,
        tagsSet: new Set(subscription.tagsSet),
        codeSet: new Set(subscription.codeSet),
      });
      expect(unordered(ours)).toEqual(unordered(theirs));
    },
  );

  it.each(['*', '', ' * ', '  '])('"%s" wants everything', (expression) => {
    expect(tagSubscription('T', expression, 1)).toMatchObject({
      subString: '*',
      tagsSet: [],
      codeSet: [],
      expressionType: 'TAG',
    });
  });

  it('names each tag once', () => {
    expect(tagSubscription('T', ' a||b || a ', 1).tagsSet).toEqual(['a', 'b']);
  });

  it('that names no tag is refused', () => {
    expect(() => tagSubscription('T', ' || ', 1)).toThrow(
      'tag expression " || " of topic T names no tag',
    );
  });
});

describe('a tag expression that is too long', () => {
  const { maxChars, maxTags } = tagLimits;

  it('is refused with both numbers', () => {
    const tags = (count: number) => Array.from({ length: count }, (_, each) => `t${each}`);
    expect(tagSubscription('T', tags(maxTags).join('||'), 1).codeSet).toHaveLength(maxTags);
    expect(() => tagSubscription('T', tags(maxTags + 1).join('||'), 1)).toThrow(
      `the tag expression of topic T has ${maxTags + 1} tags, at most ${maxTags} are taken`,
    );
    expect(() => tagSubscription('T', 'x'.repeat(maxChars + 1), 1)).toThrow(
      `the tag expression of topic T has ${maxChars + 1} characters, at most ${maxChars} are taken`,
    );
  });

  it('is found in what another client sent', () => {
    const codeSet = Array.from({ length: maxTags + 1 }, (_, each) => each);
    expect(() => assertTagLimits(read({ subString: 'a', codeSet }))).toThrow(`${maxTags + 1} tags`);
    const subString = 'x'.repeat(maxChars + 1);
    expect(() => assertTagLimits(read({ subString }))).toThrow(`${maxChars + 1} characters`);
    assertTagLimits(read({ subString: 'a || b' }));
  });
});

describe('a subscription by SQL92', () => {
  it('carries the expression, and no tags', () => {
    expect(subscriptionOf('T', { sql: 'a > 1' }, 7)).toEqual({
      topic: 'T',
      subString: 'a > 1',
      tagsSet: [],
      codeSet: [],
      subVersion: 7,
      expressionType: 'SQL92',
      classFilterMode: false,
    });
    expect(subscriptionOf('T', 'a || b', 7)).toEqual(tagSubscription('T', 'a || b', 7));
  });

  it('that does not parse is refused before anybody is asked', () => {
    expect(() => subscriptionOf('T', { sql: 'a >' }, 7)).toThrow('at position 4: found the end');
  });

  it.each([undefined, null, 5, {}, { sql: 5 }])('is not %j', (selector) => {
    expect(() => subscriptionOf('T', selector as MessageSelector, 7)).toThrow(
      'the selector of topic T is neither a text of tags nor { sql: … }',
    );
  });
});

describe('a subscription of another client', () => {
  it('without codes gets them from its tags, or from its expression', () => {
    expect(read({ subString: 'TagA', tagsSet: ['TagA'] }).codeSet).toEqual([2598919]);
    expect(read({ subString: 'TagA||TagB' }).codeSet).toEqual([2598919, 2598920]);
    expect(read({ subString: 'TagA', expressionType: '' }).codeSet).toEqual([2598919]);
  });

  it('keeps the codes it came with', () => {
    expect(read({ subString: 'TagA', tagsSet: ['TagA'], codeSet: [7] }).codeSet).toEqual([7]);
  });

  it('of everything, of SQL92 or of a filter class needs no codes', () => {
    expect(read({ subString: '*' }).codeSet).toEqual([]);
    expect(read({ subString: 'a > 1', expressionType: 'SQL92' }).codeSet).toEqual([]);
    expect(read({ subString: 'com.Filter', classFilterMode: true }).codeSet).toEqual([]);
    expect(read({})).toMatchObject({ subString: '*', expressionType: 'TAG', subVersion: 0 });
  });
});
