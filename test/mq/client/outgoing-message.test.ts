import { describe, expect, it } from '@jest/globals';
import { outgoingMessage, type Message } from '../../../mq/client/outgoing-message.ts';
import { batchSend } from '../../../mq/client/send-request.ts';
import { decodeBatchBody } from '../../../mq/protocol/batch-body.ts';
import { decodeProperties } from '../../../mq/protocol/properties.ts';

const encode = (message: Partial<Message>, maxBytes = 1000) =>
  outgoingMessage({ topic: 'T', body: 'x', ...message }, 'ID', maxBytes);

describe('outgoing message', () => {
  it('carries id, tag, keys, delay and the user’s properties', () => {
    const { propertiesString, isDelayed, body } = encode({
      body: 'grüß',
      tags: 'TagA',
      keys: ['k1', 'k2'],
      delayTimeLevel: 3,
      maxReconsumeTimes: 0,
      waitStoreOk: false,
      properties: { colour: 'red' },
    });
    expect(Object.fromEntries(decodeProperties(propertiesString))).toEqual({
      colour: 'red',
      KEYS: 'k1 k2',
      UNIQ_KEY: 'ID',
      WAIT: 'false',
      TAGS: 'TagA',
      DELAY: '3',
      MAX_RECONSUME_TIMES: '0',
    });
    expect(isDelayed).toBe(true);
    expect(body.toString('utf8')).toBe('grüß');
  });

  it('takes a view of bytes as it is', () => {
    const bytes = new Uint8Array([1, 2, 3, 4]).subarray(1, 3);
    expect([...encode({ body: bytes }).body]).toEqual([2, 3]);
  });

  it.each<[string, Partial<Message>, string]>([
    ['an illegal topic', { topic: 'a b' }, 'topic name "a b"'],
    ['an empty body', { body: '' }, 'body is empty'],
    ['a reserved property', { properties: { UNIQ_KEY: 'x' } }, 'property "UNIQ_KEY" is reserved'],
    ['an empty property', { properties: { a: '' } }, 'property "a"'],
    ['a separator in a property', { properties: { a: 'b\u0001' } }, 'property "a"'],
    ['a topic that is no text', { topic: 5 as never }, 'topic name is 5'],
    ['no body', { body: undefined as never }, 'body is neither a string nor'],
    ['a number for a body', { body: 5 as never }, 'body is neither a string nor'],
    ['blanks around a tag, which no subscription names', { tags: 'A ' }, 'tags "A "'],
    ['a number for a tag', { tags: 7 as never }, 'tags 7'],
    ['a key with a blank', { keys: ['k1', 'k 2'] }, 'key "k 2"'],
    ['a number for a key', { keys: [7 as never] }, 'key 7'],
    ['two tags', { tags: 'A || B' }, 'a message has one tag'],
    ['a negative limit of retries', { maxReconsumeTimes: -1 }, 'maxReconsumeTimes -1'],
    ['no number of retries', { maxReconsumeTimes: Number.NaN }, 'maxReconsumeTimes NaN'],
    [
      'more retries than the wire can say',
      { maxReconsumeTimes: 2 ** 31 },
      '2147483648 is no integer',
    ],
    [
      'a limit of retries that is a text',
      { maxReconsumeTimes: '3' as never },
      'maxReconsumeTimes 3',
    ],
    ['a fractional delay level', { delayTimeLevel: 1.5 }, 'delayTimeLevel 1.5'],
  ])('refuses %s', (_what, message, text) => {
    expect(() => encode(message)).toThrow(text);
  });

  it('names both sizes of a body or of properties that are too large', () => {
    expect(() => encode({ body: 'x'.repeat(11) }, 10)).toThrow(
      /11 bytes exceeds maxMessageBytes 10/,
    );
    expect(() => encode({ properties: { a: 'x'.repeat(40_000) } })).toThrow(/exceed 32767/);
  });
});

describe('batch', () => {
  const context = { producerGroup: 'g', defaultTopicQueueNums: 4, bornTimestamp: 1 };

  it('holds each message with its own properties', () => {
    const request = batchSend([encode({ body: '1' }), encode({ body: '2' })], 1000, context);
    const decoded = decodeBatchBody(request.body);
    expect(decoded.map(({ body }) => body.toString())).toEqual(['1', '2']);
    expect(request.msgId).toBe('ID,ID');
    expect(request.header({ topic: 'T', brokerName: 'b', queueId: 1 })).toMatchObject({
      batch: true,
      queueId: 1,
    });
  });

  it.each<[string, Partial<Message>[], string]>([
    ['nothing', [], 'holds no message'],
    ['two topics', [{}, { topic: 'U' }], 'batch message 1: its topic is U'],
    ['delayed messages', [{ delayTimeLevel: 1 }], 'batch message 0: a delayed message'],
    ['a retry topic', [{ topic: '%RETRY%g' }], 'a retry topic takes no batches'],
    ['different waitStoreOk', [{}, { waitStoreOk: false }], 'waitStoreOk differs'],
  ])('refuses %s', (_what, messages, text) => {
    expect(() =>
      batchSend(
        messages.map((message) => encode(message)),
        1000,
        context,
      ),
    ).toThrow(text);
  });

  it('names both sizes when it is too large', () => {
    expect(() => batchSend([encode({ body: 'x'.repeat(90) })], 100, context)).toThrow(
      /bytes exceed maxMessageBytes 100/,
    );
  });
});
