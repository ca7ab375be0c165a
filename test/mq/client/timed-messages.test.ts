import { afterEach, describe, expect, it } from '@jest/globals';
import { Producer } from '../../../mq/client/producer.ts';
import { outgoingMessage, type Message } from '../../../mq/client/outgoing-message.ts';
import { encodeRecallHandle } from '../../../mq/protocol/recall-handle.ts';
import { decodeProperties } from '../../../mq/protocol/properties.ts';
import { RequestCode } from '../../../mq/protocol/request-code.ts';
import { testBroker } from '../../../mq/testkit.ts';
import { routeOver, scriptedBroker, scriptedNameServer, stored } from './scripted-cluster.ts';
import { closeOpened, open } from '../../support/opened.ts';

afterEach(closeOpened);

function propertiesOf(message: Partial<Message>): Map<string, string> {
  const { propertiesString } = outgoingMessage({ topic: 'T', body: 'x', ...message }, 'ID', 1000);
  return decodeProperties(propertiesString);
}

describe('a message that is to wait', () => {
  it('says so in the property of RocketMQ 5, which a batch cannot', () => {
    expect(propertiesOf({ delayTimeMs: 1500 }).get('TIMER_DELAY_MS')).toBe('1500');
    expect(propertiesOf({ deliverTimeMs: 1_900_000_000_000 }).get('TIMER_DELIVER_MS')).toBe(
      '1900000000000',
    );
    const message = outgoingMessage({ topic: 'T', body: 'x', delayTimeMs: 1 }, 'ID', 1000);
    expect(message.isDelayed).toBe(true);
  });

  it.each<[Partial<Message>, RegExp]>([
    [{ delayTimeMs: -1 }, /delayTimeMs -1 is not an integer/],
    [{ delayTimeMs: 1.5 }, /delayTimeMs 1\.5/],
    [{ deliverTimeMs: Number.NaN }, /deliverTimeMs NaN/],
    [{ deliverTimeMs: 2 ** 60 }, /deliverTimeMs/],
    [{ delayTimeMs: 5, delayTimeLevel: 3 }, /delayTimeLevel 3 and delayTimeMs 5/],
    [{ delayTimeMs: 5, deliverTimeMs: 7 }, /delayTimeMs 5 and deliverTimeMs 7/],
    [{ deliverTimeMs: 7, delayTimeLevel: 1 }, /delayTimeLevel 1 and deliverTimeMs 7/],
  ])('is refused as %j', (message, reason) => {
    expect(() => propertiesOf(message)).toThrow(reason);
  });
});

describe('a producer', () => {
  it('has a message delivered at its time, and takes another one back', async () => {
    const mq = open(await testBroker());
    const producer = open(new Producer({ namesrvAddr: mq.namesrvAddr, producerGroup: 'p' }));
    const kept = await producer.send({ topic: 'T', body: 'kept', delayTimeMs: 60_000 });
    const taken = await producer.send({ topic: 'T', body: 'taken', delayTimeMs: 60_000 });
    const plain = await producer.send({ topic: 'T', body: 'plain' });
    expect(plain.recallHandle).toBeUndefined();
    expect(await producer.recall('T', taken.recallHandle!)).toBe(taken.msgId);
    await mq.clock.advance('1m');
    const bodies = (await mq.messages('T')).map(({ body }) => body.toString());
    expect(bodies.toSorted()).toEqual(['kept', 'plain']);
    await expect(producer.recall('T', kept.recallHandle!)).rejects.toMatchObject({
      code: 'ILLEGAL_OPERATION',
    });
  });

  it('asks the broker that its handle names, and no other', async () => {
    const a = open(await scriptedBroker());
    const b = open(await scriptedBroker());
    const nameServer = open(await scriptedNameServer({ T: routeOver([a, b]) }));
    const producer = open(new Producer({ namesrvAddr: nameServer.address, producerGroup: 'g' }));
    const recallHandle = encodeRecallHandle({
      topic: 'T',
      brokerName: 'broker-b',
      timestampMs: 1_900_000_000_001,
      msgId: 'm',
    });
    b.answer(RequestCode.RECALL_MESSAGE, { extFields: { msgId: 'm' } });
    expect(await producer.recall('T', recallHandle)).toBe('m');
    expect(a.requests(RequestCode.RECALL_MESSAGE)).toEqual([]);
    const [request] = b.requests(RequestCode.RECALL_MESSAGE);
    expect(request?.extFields).toEqual({
      producerGroup: 'g',
      topic: 'T',
      recallHandle,
      bname: 'broker-b',
    });
  });

  it('hands on the handle that a broker gives, and has none from an old one', async () => {
    const broker = open(await scriptedBroker());
    const nameServer = open(await scriptedNameServer({ T: routeOver([broker]) }));
    const producer = open(new Producer({ namesrvAddr: nameServer.address, producerGroup: 'g' }));
    const message = { topic: 'T', body: 'x', delayTimeMs: 5_000 };
    expect(await producer.send(message)).not.toHaveProperty('recallHandle');
    const extFields = { ...stored, recallHandle: 'h' };
    broker.answer(RequestCode.SEND_MESSAGE_V2, { extFields });
    expect((await producer.send(message)).recallHandle).toBe('h');
  });

  it.each([
    ['T', 'no handle', 'INVALID_ARGUMENT'],
    [
      '%RETRY%g',
      encodeRecallHandle({ topic: 'T', brokerName: 'b', timestampMs: 1, msgId: 'm' }),
      'INVALID_ARGUMENT',
    ],
    [
      'T',
      encodeRecallHandle({ topic: 'T', brokerName: 'gone', timestampMs: 1, msgId: 'm' }),
      'NO_ROUTE',
    ],
  ])('refuses to recall from %s by %s', async (topic, recallHandle, code) => {
    const broker = open(await scriptedBroker());
    const nameServer = open(await scriptedNameServer({ T: routeOver([broker]) }));
    const producer = open(new Producer({ namesrvAddr: nameServer.address, producerGroup: 'g' }));
    await expect(producer.recall(topic, recallHandle)).rejects.toMatchObject({ code });
  });
});
