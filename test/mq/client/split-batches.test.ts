import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { batchSend } from '../../../mq/client/send-request.ts';
import { outgoingMessage, type Message } from '../../../mq/client/outgoing-message.ts';
import { splitIntoBatches } from '../../../mq/client/split-batches.ts';
import { createReplyMessage } from '../../../mq/client/reply-message.ts';
import { plays } from '../../support/plays.ts';

const context = { producerGroup: 'g', defaultTopicQueueNums: 4, bornTimestamp: 1 };
/** Of an IPv4 host. */
const MSG_ID = '7F000001'.repeat(4);

/** As `Producer.sendBatch` encodes it. Errors: those of a batch that no producer would send. */
function encoded(batch: readonly Message[], maxMessageBytes: number): Buffer {
  const outgoing = batch.map((message) => outgoingMessage(message, MSG_ID, maxMessageBytes));
  return batchSend(outgoing, maxMessageBytes, context).body;
}

describe('splitting into batches', () => {
  it('makes one batch of what fits', () => {
    const messages = ['1', '2', '3'].map((body) => ({ topic: 'T', body }));
    expect(splitIntoBatches(messages)).toEqual([messages]);
    expect(splitIntoBatches([])).toEqual([]);
  });

  it('counts properties, not only bodies', () => {
    const properties = { name: 'x'.repeat(400) };
    const messages = ['1', '2', '3'].map((body) => ({ topic: 'T', body, properties }));
    const batches = splitIntoBatches(messages, { maxMessageBytes: 1_200 });
    expect(batches.map((batch) => batch.map(({ body }) => body))).toEqual([['1', '2'], ['3']]);
  });

  it('fills a batch to the last byte', () => {
    const messages = Array.from({ length: 2 }, () => ({ topic: 'T', body: Buffer.alloc(100) }));
    const one = 22 + 100 + 'UNIQ_KEY'.length + 1 + 56 + 1 + 'WAIT'.length + 1 + 'true'.length;
    expect(splitIntoBatches(messages, { maxMessageBytes: 2 * one })).toHaveLength(1);
    expect(splitIntoBatches(messages, { maxMessageBytes: 2 * one - 1 })).toHaveLength(2);
  });

  it('gives each topic batches of its own, each in its order', () => {
    const messages = ['a1', 'b1', 'a2', 'b2'].map((body) => ({ topic: body[0]!, body }));
    const batches = splitIntoBatches(messages);
    expect(batches.map((batch) => batch.map(({ body }) => body))).toEqual([
      ['a1', 'a2'],
      ['b1', 'b2'],
    ]);
  });

  it('keeps messages of different keys, and of different waits, apart', () => {
    const messages: Message[] = [
      { topic: 'T', body: '1', shardingKey: 'x' },
      { topic: 'T', body: '2', shardingKey: 'y' },
      { topic: 'T', body: '3', waitStoreOk: false },
      { topic: 'T', body: '4', shardingKey: 'x' },
      { topic: 'T', body: '5' },
    ];
    const batches = splitIntoBatches(messages);
    expect(batches.map((batch) => batch.map(({ body }) => body).join(''))).toEqual([
      '14',
      '2',
      '3',
      '5',
    ]);
  });

  it('lets no message overtake another of its key that waits otherwise', () => {
    const messages: Message[] = [
      { topic: 'T', body: '1', shardingKey: 'x' },
      { topic: 'T', body: '2', shardingKey: 'x', waitStoreOk: false },
      { topic: 'T', body: '3', shardingKey: 'x' },
    ];
    expect(splitIntoBatches(messages)).toEqual(messages.map((message) => [message]));
  });

  it('names a message that is too large alone, and both sizes', () => {
    const messages = [
      { topic: 'T', body: 'x' },
      { topic: 'T', body: Buffer.alloc(990) },
    ];
    expect(() => splitIntoBatches(messages, { maxMessageBytes: 1_000 })).toThrow(
      'message 1: message for T: 1087 bytes with its properties exceed maxMessageBytes 1000',
    );
    expect(() => splitIntoBatches(messages, { maxMessageBytes: 900 })).toThrow(
      'message 1: message for T: body of 990 bytes exceeds maxMessageBytes 900',
    );
  });

  it.each([
    ['a delayed one', { topic: 'T', body: 'x', delayTimeLevel: 3 }, /batch message 0: a delayed/],
    ['a retry', { topic: '%RETRY%g', body: 'x' }, /batch message 0: a retry topic/],
    [
      'a reply',
      createReplyMessage(
        {
          brokerName: 'b',
          properties: new Map([
            ['CLUSTER', 'c'],
            ['CORRELATION_ID', 'i'],
            ['REPLY_TO_CLIENT', 'r'],
          ]),
        },
        'x',
      ),
      /batch message 0: a reply/,
    ],
    ['one without a body', { topic: 'T', body: '' }, /message 0: message for T: body is empty/],
  ])('refuses %s', (_what, message: Message, text) => {
    expect(() => splitIntoBatches([message])).toThrow(text);
  });

  it('loses nothing, keeps the order of every topic, and makes only batches that can be sent', () => {
    const message = fc.record({
      topic: fc.constantFrom('T', 'U'),
      body: fc.integer({ min: 1, max: 500 }).map((length) => Buffer.alloc(length)),
      keys: fc.constantFrom('k', 'ключ'),
      properties: fc.constantFrom({}, { p: 'ü'.repeat(50) }),
    });
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 40 }),
        fc.integer({ min: 800, max: 3_000 }),
        (messages: Message[], maxMessageBytes) => {
          const batches = splitIntoBatches(messages, { maxMessageBytes });
          for (const batch of batches) {
            expect(encoded(batch, maxMessageBytes).length).toBeLessThanOrEqual(maxMessageBytes);
          }
          for (const topic of ['T', 'U']) {
            const ofTopic = (list: readonly Message[]): Message[] =>
              list.filter((one) => one.topic === topic);
            expect(ofTopic(batches.flat())).toEqual(ofTopic(messages));
            // Two neighbours would not have fitted together with the first message of the next.
            const own = batches.filter(([first]) => first!.topic === topic);
            for (const [index, batch] of own.slice(0, -1).entries()) {
              const more = [...batch, own[index + 1]![0]!];
              expect(encoded(more, 10_000).length + more.length * 24).toBeGreaterThan(
                maxMessageBytes,
              );
            }
          }
        },
      ),
      plays(),
    );
  });
});
