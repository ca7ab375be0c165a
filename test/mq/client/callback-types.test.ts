import { describe, expect, it } from '@jest/globals';
import {
  PushConsumer,
  type ExecuteLocalTransaction,
  type MessageBatchListener,
  type MessageListener,
  type MessageListenerOrderly,
  type TransactionProducer,
} from '../../../mq/index.ts';

function consumer(): PushConsumer {
  return new PushConsumer({ namesrvAddr: '127.0.0.1:9876', consumerGroup: 'types' });
}

async function fail(): Promise<never> {
  throw new Error('no database');
}

/** The types are checked by `npm run check:types`: each @ts-expect-error is an error where nothing is wrong. */
describe('the types of callbacks', () => {
  it('allow an async listener that always returns the same result', () => {
    const typed: MessageListener = () => 'RECONSUME_LATER';
    consumer().onMessage(async () => 'RECONSUME_LATER');
    consumer().onMessage(() => ({ status: 'RECONSUME_LATER', delayTimeLevel: 3 }));
    consumer().onMessage(async () => ({ status: 'RECONSUME_LATER' }));
    consumer().onMessage(async () => ({
      status: 'RECONSUME_LATER',
      delayTimeLevel: -1,
      deadLetterReason: 'no such order',
    }));
    consumer().onMessage(async ({ keys }) => (keys.length > 0 ? 'CONSUME_SUCCESS' : undefined));
    consumer().onMessage(async () => {});
    consumer().onMessage(fail);
    consumer().onMessage(() => new Promise((resolve) => resolve()));
    consumer().onMessage(typed);
    expect(consumer().onMessage(typed)).toBeInstanceOf(PushConsumer);
  });

  it('allow the same of a listener in order', () => {
    const typed: MessageListenerOrderly = () => 'SUCCESS';
    consumer().onMessageOrderly(async () => 'SUSPEND_CURRENT_QUEUE_A_MOMENT');
    consumer().onMessageOrderly(async () => {});
    consumer().onMessageOrderly(fail);
    consumer().onMessageOrderly(() => new Promise((resolve) => resolve('SUCCESS')));
    expect(consumer().onMessageOrderly(typed)).toBeInstanceOf(PushConsumer);
  });

  it('allow for a batch one result, one for each, and how far it got', () => {
    const typed: MessageBatchListener = () => ({ ackIndex: 3 });
    consumer().onMessages(async () => 'RECONSUME_LATER');
    consumer().onMessages(async () => {});
    consumer().onMessages(fail);
    consumer().onMessages(async () => ({ ackIndex: 0, delayTimeLevel: 3 }));
    consumer().onMessages(async (messages) =>
      messages.map(({ keys }) => (keys.length > 0 ? 'CONSUME_SUCCESS' : 'RECONSUME_LATER')),
    );
    consumer().onMessages((messages) => Promise.allSettled(messages.map(async () => {})));
    consumer().onMessages((messages) => Promise.allSettled(messages.map(fail)));
    consumer().onMessagesOrderly(async () => 'SUSPEND_CURRENT_QUEUE_A_MOMENT');
    consumer().onMessagesOrderly(() => ({ ackIndex: 0 }));
    consumer().onMessagesOrderly(async () => {});
    // @ts-expect-error misspelt
    consumer().onMessages(async () => 'RECONSUME_LATR');
    // @ts-expect-error misspelt
    consumer().onMessages(() => ({ ackindex: 3 }));
    // @ts-expect-error of onMessages
    consumer().onMessagesOrderly(async () => 'RECONSUME_LATER');
    expect(consumer().onMessages(typed)).toBeInstanceOf(PushConsumer);
  });

  it('refuse a misspelt result, and that of the other kind of listener', () => {
    // @ts-expect-error misspelt
    consumer().onMessage(async () => 'RECONSUME_LATR');
    // @ts-expect-error misspelt
    consumer().onMessage(() => ({ status: 'RECONSUME_LATR' }));
    // @ts-expect-error of onMessageOrderly
    consumer().onMessage(async () => 'SUSPEND_CURRENT_QUEUE_A_MOMENT');
    // @ts-expect-error of onMessage
    expect(consumer().onMessageOrderly(async () => 'CONSUME_SUCCESS')).toBeInstanceOf(PushConsumer);
  });

  it('allow a local transaction that always ends alike, and refuse a misspelt state and none', () => {
    const message = { topic: 'ORDER_EVENTS', body: 'A-1' };
    const typed: ExecuteLocalTransaction = () => 'COMMIT_MESSAGE';
    const sends = (producer: TransactionProducer): Promise<unknown>[] => [
      producer.sendMessageInTransaction(message, async () => 'COMMIT_MESSAGE'),
      producer.sendMessageInTransaction(message, () => 'ROLLBACK_MESSAGE'),
      producer.sendMessageInTransaction(message, fail),
      producer.sendMessageInTransaction(message, () => new Promise((end) => end('UNKNOW'))),
      producer.sendMessageInTransaction(message, typed),
      // @ts-expect-error misspelt: RocketMQ writes UNKNOW
      producer.sendMessageInTransaction(message, async () => 'UNKNOWN'),
      // @ts-expect-error no state
      producer.sendMessageInTransaction(message, async () => {}),
    ];
    expect(sends).toHaveLength(1);
  });
});
