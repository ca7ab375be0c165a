import { describe, expect, it } from '@jest/globals';
import {
  decodeHeartbeat,
  encodeHeartbeat,
  type ConsumerData,
  type HeartbeatData,
} from '../../../mq/protocol/heartbeat.ts';
import { tagSubscription } from '../../../mq/protocol/subscription.ts';

function decode(consumer: object): ConsumerData {
  const heartbeat = { clientID: 'c', consumerDataSet: [{ groupName: 'g', ...consumer }] };
  return decodeHeartbeat(Buffer.from(JSON.stringify(heartbeat))).consumerDataSet[0]!;
}

describe('a heartbeat', () => {
  it('comes back as it was', () => {
    const heartbeat: HeartbeatData = {
      clientID: '192.0.2.7@1#2',
      producerDataSet: [{ groupName: 'pg' }],
      consumerDataSet: [
        {
          groupName: 'cg',
          consumeType: 'CONSUME_PASSIVELY',
          messageModel: 'CLUSTERING',
          consumeFromWhere: 'CONSUME_FROM_TIMESTAMP',
          subscriptionDataSet: [tagSubscription('TopicA', 'TagA || TagB', 7)],
          unitMode: true,
        },
      ],
    };
    expect(decodeHeartbeat(encodeHeartbeat(heartbeat))).toEqual(heartbeat);
  });

  it('of a C++ client has ordinals for names, a version as text, and no sets', () => {
    const consumer = decode({
      consumeType: 1,
      messageModel: 0,
      consumeFromWhere: 4,
      subscriptionDataSet: [
        { topic: 'TopicA', subString: 'TagA || TagB', subVersion: '1795171321308' },
      ],
    });
    expect(consumer).toEqual({
      groupName: 'g',
      consumeType: 'CONSUME_PASSIVELY',
      messageModel: 'BROADCASTING',
      consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
      subscriptionDataSet: [tagSubscription('TopicA', 'TagA || TagB', 1_795_171_321_308)],
      unitMode: false,
    });
  });

  it.each([
    [{ consumeType: 0 }, { consumeType: 'CONSUME_ACTIVELY' }],
    [{ consumeType: 'CONSUME_POP' }, { consumeType: 'CONSUME_POP' }],
    [{ messageModel: 1 }, { messageModel: 'CLUSTERING' }],
    [{ consumeFromWhere: 5 }, { consumeFromWhere: 'CONSUME_FROM_TIMESTAMP' }],
    [{ consumeFromWhere: 3 }, { consumeFromWhere: 'CONSUME_FROM_MAX_OFFSET' }],
  ])('reads %j as %j', (sent, read) => {
    expect(decode(sent)).toMatchObject(read);
  });

  it.each([
    { consumeType: 'CONSUME_BY_TELEPATHY' },
    { messageModel: 'LITE_SELECTIVE' },
    { consumeFromWhere: 99 },
    { consumeFromWhere: null },
    {},
  ])('with a value from the future, such as %j, is not refused', (sent) => {
    expect(decode(sent)).toMatchObject({
      consumeType: 'CONSUME_PASSIVELY',
      messageModel: 'CLUSTERING',
      consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET',
      subscriptionDataSet: [],
    });
  });

  it('of a Go client counts its versions in nanoseconds, beyond 2^53', () => {
    const body = Buffer.from(
      '{"clientID":"go","producerDataSet":[],"consumerDataSet":[{"groupName":"g","consumeType":' +
        '"CONSUME_PASSIVELY","messageModel":"CLUSTERING","consumeFromWhere":"CONSUME_FROM_FIRST_OFFSET",' +
        '"subscriptionDataSet":[{"classFilterMode":false,"topic":"GT","subString":"*","tagsSet":[],' +
        '"codeSet":[],"subVersion":1795184547370225993,"expressionType":"TAG"}],"unitMode":false}]}',
    );
    const [subscription] = decodeHeartbeat(body).consumerDataSet[0]!.subscriptionDataSet;
    expect(subscription!.subVersion).toBe(Number(1795184547370225993n));
  });

  it('may carry what newer clients add', () => {
    const text =
      '{"clientID":"c","heartbeatFingerprint":0,"withoutSub":false,"producerDataSet":[]}';
    expect(decodeHeartbeat(Buffer.from(text))).toEqual({
      clientID: 'c',
      producerDataSet: [],
      consumerDataSet: [],
    });
  });

  it.each([
    ['a client', '{}', 'HeartbeatData.clientID is missing'],
    [
      'a producer group',
      '{"clientID":"c","producerDataSet":[{}]}',
      'HeartbeatData.producerDataSet[0].groupName is missing',
    ],
    [
      'a topic',
      '{"clientID":"c","consumerDataSet":[{"groupName":"g","subscriptionDataSet":[{}]}]}',
      'HeartbeatData.consumerDataSet[0].subscriptionDataSet[0].topic is missing',
    ],
  ])('that does not name %s is refused', (_, text, reason) => {
    expect(() => decodeHeartbeat(Buffer.from(text))).toThrow(reason);
  });
});
