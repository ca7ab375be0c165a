import { describe, expect, it } from '@jest/globals';
import { JsonBody } from '../../../mq/protocol/json-body.ts';
import { readSubscription, tagSubscription } from '../../../mq/protocol/subscription.ts';
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

describe('a subscription of another client', () => {
  it('without codes gets them from its tags, or from its expression', () => {
    expect(read({ subString: 'TagA', tagsSet: ['TagA'] }).codeSet).toEqual([2598919]);
    expect(read({ subString: 'TagA||TagB' }).codeSet).toEqual([2598919, 2598920]);
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
