import { beforeEach, describe, expect, it } from '@jest/globals';
import { MqError, type Message, type MessageQueue } from '../../../../services/common/mq.module.ts';
import type { FlashOrderRequested } from '../../../../services/contracts/flash-orders.ts';
import {
  FlashOrderSender,
  type BatchProducer,
} from '../../../../services/flashsale/gate/flash-order-sender.ts';
import { recordingLog } from '../../recording-log.ts';

const order: FlashOrderRequested = {
  ticketNo: '20261130-7K3M9Q2T4VXA',
  saleId: '20261130-9Q2T4VXA7K3M',
  sku: 'GRINDER-HAND',
  userId: 'user-1',
  quantity: 1,
  admittedAt: '2026-11-30T10:00:00.000Z',
};

const queues: MessageQueue[] = ['a', 'a', 'b', 'b'].map((brokerName, index) => ({
  topic: 'FLASH_ORDERS',
  brokerName,
  queueId: index % 2,
}));

type Answer = string | MqError;

let answers: Answer[];
let tries: { queue: string; timeoutMs: number; messages: readonly Message[] }[];
let sender: FlashOrderSender;

beforeEach(() => {
  answers = [];
  tries = [];
  const producer: BatchProducer = {
    sendBatch: (messages, options) => {
      const { select, timeoutMs } = options!;
      const queue = select!(queues, messages[0]!);
      tries.push({ queue: `${queue.brokerName}${queue.queueId}`, timeoutMs: timeoutMs!, messages });
      const answer = answers.shift() ?? 'SEND_OK';
      if (typeof answer !== 'string') return Promise.reject(answer);
      return Promise.resolve({ status: answer } as Awaited<ReturnType<BatchProducer['sendBatch']>>);
    },
  };
  sender = new FlashOrderSender({ producer, timeoutMs: 1_000, log: recordingLog().log });
});

const refused = new MqError('CONNECT_FAILED', 'for a test', { retriable: true });
const timedOut = new MqError('REQUEST_TIMEOUT', 'for a test', {
  retriable: true,
  details: { stage: 'waiting for the answer' },
});
const connecting = new MqError('REQUEST_TIMEOUT', 'for a test', {
  retriable: true,
  details: { stage: 'connecting' },
});
const busy = new MqError('SYSTEM_BUSY', 'for a test', { retriable: true });
const illegal = new MqError('MESSAGE_ILLEGAL', 'for a test');

describe('the sender of flash orders', () => {
  it('lets the queues take turns', async () => {
    for (let count = 0; count < 5; count += 1) expect(await sender.send([order])).toBe('SENT');
    expect(tries.map(({ queue }) => queue)).toEqual(['a0', 'a1', 'b0', 'b1', 'a0']);
    expect(tries[0]!.messages).toEqual([
      {
        topic: 'FLASH_ORDERS',
        tags: 'Requested',
        keys: order.ticketNo,
        body: JSON.stringify(order),
      },
    ]);
  });

  it('goes to another broker when one fails, and leaves it time', async () => {
    answers = [timedOut];
    expect(await sender.send([order])).toBe('SENT');
    expect(tries.map(({ queue }) => queue[0])).toEqual(['a', 'b']);
    expect(tries[0]!.timeoutMs).toBeLessThanOrEqual(500);
  });

  it.each<[string, Answer[], string, number]>([
    ['never heard by anybody', [refused, refused, refused], 'NOT_SENT', 3],
    ['never heard, in several ways', [connecting, refused, connecting], 'NOT_SENT', 3],
    ['refused by a broker that has too much to do', [busy, busy, busy], 'NOT_SENT', 3],
    ['perhaps heard by the first', [timedOut, refused, refused], 'UNKNOWN', 3],
    ['perhaps heard by the last', [refused, refused, timedOut], 'UNKNOWN', 3],
    ['stored and not promised', ['FLUSH_DISK_TIMEOUT'], 'UNKNOWN', 1],
    ['what no broker would take', [illegal], 'NOT_SENT', 1],
  ])('knows of a batch that was %s', async (_what, given, outcome, tryCount) => {
    answers = [...given];
    expect(await sender.send([order])).toBe(outcome);
    expect(tries).toHaveLength(tryCount);
  });
});
