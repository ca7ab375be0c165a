import { describe, expect, it } from '@jest/globals';
import { encodeRecord } from '../../../mq/protocol/message.ts';
import {
  assertGroupName,
  assertTopicName,
  dlqTopic,
  isClosedToProducers,
  isDlqTopic,
  isRetryTopic,
  isSystemTopic,
  isValidTopicName,
  MAX_GROUP_CHARS,
  retryTopic,
} from '../../../mq/protocol/names.ts';

describe('a topic name', () => {
  it.each(['ORDER_EVENTS', 'a', '%RETRY%cg', 'a-b_c|9', 'T'.repeat(127)])('may be "%s"', (name) => {
    expect(isValidTopicName(name)).toBe(true);
    expect(() => assertTopicName(name)).not.toThrow();
  });

  it.each([
    ['', 'topic name is empty'],
    ['a b', 'topic name "a b" may only contain'],
    ['größe', 'topic name "größe" may only contain'],
    ['a/../b', 'topic name "a/../b" may only contain'],
    ['a\n', 'may only contain'],
    ['T'.repeat(128), 'topic name of 128 characters exceeds 127'],
  ])('must not be "%s"', (name, reason) => {
    expect(isValidTopicName(name)).toBe(false);
    expect(() => assertTopicName(name)).toThrow(reason);
  });
});

describe('a group name', () => {
  it('is short enough for its retry topic to fit a record', () => {
    const longest = 'g'.repeat(MAX_GROUP_CHARS);
    expect(() => assertGroupName(longest)).not.toThrow();
    expect(isValidTopicName(retryTopic(longest))).toBe(true);
    expect(() => assertGroupName(`${longest}g`)).toThrow(
      'group name of 121 characters exceeds 120',
    );
    expect(() => encodeRecord({ ...record, topic: retryTopic(longest) })).not.toThrow();
  });
});

describe('topics with a meaning', () => {
  it('belong to a consumer group', () => {
    expect(retryTopic('cg')).toBe('%RETRY%cg');
    expect(dlqTopic('cg')).toBe('%DLQ%cg');
    expect(isRetryTopic('%RETRY%cg')).toBe(true);
    expect(isDlqTopic('%DLQ%cg')).toBe(true);
    expect(isRetryTopic('%DLQ%cg') || isDlqTopic('cg')).toBe(false);
  });

  it('belong to the broker, and some of them are closed to producers', () => {
    expect(['TBW102', 'SCHEDULE_TOPIC_XXXX', 'rmq_sys_wheel_timer'].map(isSystemTopic)).toEqual([
      true,
      true,
      true,
    ]);
    expect(isSystemTopic('ORDER_EVENTS')).toBe(false);
    expect(isClosedToProducers('SCHEDULE_TOPIC_XXXX')).toBe(true);
    expect(isClosedToProducers('TBW102')).toBe(false);
    expect(isClosedToProducers('%RETRY%cg')).toBe(false);
  });
});

const record = {
  topic: '',
  queueId: 0,
  flag: 0,
  queueOffset: 0,
  commitLogOffset: 0,
  sysFlag: 0,
  bornTimestamp: 0,
  bornHost: { address: '127.0.0.1', port: 1 },
  storeTimestamp: 0,
  storeHost: { address: '127.0.0.1', port: 1 },
  reconsumeTimes: 0,
  preparedTransactionOffset: 0,
  body: Buffer.alloc(0),
  propertiesString: '',
};
