import { describe, expect, it } from '@jest/globals';
import { consume } from '../../../services/common/consume.ts';
import { DomainError } from '../../../services/common/errors.ts';
import type { ReceivedMessage } from '../../../services/common/mq.module.ts';
import { parseOrderPaid } from '../../../services/contracts/order-events.ts';
import { paidEvent } from '../order-event-samples.ts';
import { recordingLog } from '../recording-log.ts';

function message(body: string): ReceivedMessage {
  return {
    topic: 'ORDER_EVENTS',
    msgId: 'C0A80001',
    keys: ['key-in-properties'],
    tags: 'Paid',
    queueId: 3,
    queueOffset: 17,
    reconsumeTimes: 2,
    text: () => body,
  };
}

describe('consume', () => {
  it('hands the event on and logs what came of it, with order number and message id', async () => {
    const { log, lines } = recordingLog();
    const seen: string[] = [];
    await consume(message(JSON.stringify(paidEvent)), { log, parse: parseOrderPaid }, (paid) => {
      seen.push(paid.eventId);
      return Promise.resolve('handled');
    });
    expect(seen).toEqual([paidEvent.eventId]);
    expect(lines()).toMatchObject([
      { msg: 'event handled', orderNo: paidEvent.orderNo, messageId: 'C0A80001' },
    ]);
  });

  it('sends a message it cannot read the way to the DLQ, with the reason and where it lies', async () => {
    const { log, lines } = recordingLog();
    const reading = consume(message('<xml/>'), { log, parse: parseOrderPaid }, () =>
      Promise.resolve('handled'),
    );
    await expect(reading).rejects.toMatchObject({ code: 'MESSAGE.POISON' });
    expect(lines()).toMatchObject([
      {
        level: 'error',
        code: 'MESSAGE.POISON',
        orderNo: 'key-in-properties',
        topic: 'ORDER_EVENTS',
        queueId: 3,
        queueOffset: 17,
        reconsumeTimes: 2,
        error: { message: 'the body is not JSON' },
      },
    ]);
  });

  it.each(['not_found', 'unavailable'] as const)('retries a refusal of kind %s', async (kind) => {
    const { log } = recordingLog();
    const refusal = new DomainError('A.B', kind, 'not now');
    await expect(
      consume(message(JSON.stringify(paidEvent)), { log, parse: parseOrderPaid }, () =>
        Promise.reject(refusal),
      ),
    ).rejects.toBe(refusal);
  });

  it('retries what it does not know', async () => {
    const { log } = recordingLog();
    await expect(
      consume(message(JSON.stringify(paidEvent)), { log, parse: parseOrderPaid }, () =>
        Promise.reject(new Error('connection lost')),
      ),
    ).rejects.toThrow('connection lost');
  });

  it('acknowledges a fact that has been overtaken, and says so', async () => {
    const { log, lines } = recordingLog();
    await consume(message(JSON.stringify(paidEvent)), { log, parse: parseOrderPaid }, () =>
      Promise.reject(new DomainError('ORDER.GONE', 'conflict', 'too late')),
    );
    expect(lines()).toMatchObject([{ msg: 'event refused for good', code: 'ORDER.GONE' }]);
  });
});
