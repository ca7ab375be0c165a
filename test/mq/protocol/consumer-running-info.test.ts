import { expect, it } from '@jest/globals';
import { encodeConsumerRunningInfo } from '../../../mq/protocol/consumer-running-info.ts';
import { tagSubscription } from '../../../mq/protocol/subscription.ts';
import { readGoldens } from '../../support/goldens.ts';

it('is written as Java 5.5.0 writes it, and 4.9.8 but for the two tables it does not know', () => {
  const body = encodeConsumerRunningInfo({
    properties: { PROP_CONSUME_TYPE: 'CONSUME_PASSIVELY' },
    subscriptions: [tagSubscription('TopicA', '*', 1_795_171_321_308)],
    queues: new Map([
      [
        { topic: 'TopicA', brokerName: 'broker-a', queueId: 1 },
        {
          commitOffset: 7,
          cachedMsgMinOffset: 7,
          cachedMsgMaxOffset: 9,
          cachedMsgCount: 3,
          cachedMsgSizeInMiB: 1,
          locked: true,
          lastLockTimestamp: 1_795_171_321_182,
          droped: false,
          lastPullTimestamp: 1_795_171_321_200,
          lastConsumeTimestamp: 1_795_171_321_201,
        },
      ],
    ]),
    status: new Map([
      [
        'TopicA',
        {
          pullRT: 1.5,
          pullTPS: 2.5,
          consumeRT: 3.5,
          consumeOKTPS: 4.5,
          consumeFailedTPS: 5.5,
          consumeFailedMsgs: 6,
        },
      ],
    ]),
  }).toString();
  expect(body).toBe(readGoldens('java-5.5.0')('running info').toString());
  expect(body.replace('"mqPopTable":{},', '').replace(',"userConsumerInfo":{}', '')).toBe(
    readGoldens('java-4.9.8')('running info').toString(),
  );
});
