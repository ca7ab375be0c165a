import type { TestBroker } from '../../../mq/testkit.ts';
import { until } from '../../support/deadline.ts';

/** Half messages of which the broker has not heard how their transactions ended. */
export async function undecidedCount(broker: TestBroker): Promise<number> {
  const halves = await broker.messages('RMQ_SYS_TRANS_HALF_TOPIC');
  const ends = await broker.messages('RMQ_SYS_TRANS_OP_HALF_TOPIC');
  const ended = new Set(
    ends.flatMap((end) =>
      end
        .text()
        .split(',')
        .filter((queueOffset) => queueOffset !== ''),
    ),
  );
  return halves.length - ended.size;
}

/** The tags of all that consumers get to see of an order, once no half message waits for its end any more. */
export async function announced(
  broker: TestBroker,
  orderNo: string,
): Promise<(string | undefined)[]> {
  await until(async () => (await undecidedCount(broker)) === 0, {
    what: 'the end of every half message',
  });
  const messages = await broker.messages('ORDER_EVENTS');
  return messages.filter(({ keys }) => keys.includes(orderNo)).map(({ tags }) => tags);
}
