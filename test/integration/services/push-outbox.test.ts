import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { createConnection, type Connection } from 'mysql2/promise';
import { Producer } from '../../../mq/index.ts';
import { MillraceHealth } from '../../../mq/nestjs/index.ts';
import { testBroker, type TestBroker } from '../../../mq/testkit.ts';
import type { OrderEvent } from '../../../services/contracts/order-events.ts';
import { closedEvent, createdEvent, paidEvent } from '../../services/order-event-samples.ts';
import { until } from '../../support/deadline.ts';
import { dropSchema, newSchema, startService, type RunningService } from './shop.ts';

let schema: string;
let broker: TestBroker;
let producer: Producer;
let database: Connection;

beforeEach(async () => {
  schema = newSchema();
  broker = await testBroker();
  for (const topic of ['ORDER_EVENTS', 'NOTIFICATION_EVENTS']) await broker.createTopic(topic);
  producer = new Producer({ namesrvAddr: broker.namesrvAddr, producerGroup: 'test' });
  database = await createConnection({ uri: process.env['DATABASE_URL'] ?? '' });
});

afterEach(async () => {
  await database.end();
  await producer.shutdown();
  await broker.close();
  await dropSchema(schema);
});

const start = (env: Record<string, string> = {}): Promise<RunningService> =>
  startService('push', { namesrvAddr: broker.namesrvAddr, schema, env });

async function send(sample: OrderEvent): Promise<OrderEvent> {
  const orderNo = `order-${randomUUID()}`;
  const event = { ...sample, orderNo, eventId: randomUUID() };
  const body = JSON.stringify(event);
  await producer.send({ topic: 'ORDER_EVENTS', tags: event.type, keys: orderNo, body });
  return event;
}

async function countOf(table: string, where: string): Promise<number> {
  const [rows] = await database.query(`SELECT 1 FROM ${schema}.${table} WHERE ${where}`);
  return (rows as unknown[]).length;
}

const delivered = (count: number): Promise<unknown> =>
  until(async () => (await countOf('notifications', 'delivered_at IS NOT NULL')) === count, {
    what: `${count} delivered notification(s)`,
  });

describe('a notification', () => {
  it.each([createdEvent, paidEvent, closedEvent])(
    'of an order that was $type is recorded first and handed to the gateway after, once',
    async (sample) => {
      await using push = await start();
      const { orderNo, eventId } = await send(sample);
      await delivered(1);
      const [recorded] = await broker.messages('NOTIFICATION_EVENTS');
      expect(JSON.parse(recorded!.text())).toMatchObject({ notificationId: eventId, orderNo });
      // As after a crash between the gateway and the progress report; and as of a relay that could not mark its row.
      const again = { ...(JSON.parse(recorded!.text()) as object), eventId: randomUUID() };
      for (const body of [recorded!.text(), JSON.stringify(again)]) {
        await producer.send({
          topic: 'NOTIFICATION_EVENTS',
          tags: 'Recorded',
          keys: orderNo,
          body,
        });
      }
      await broker.consumed('push-deliver', 'NOTIFICATION_EVENTS');
      expect(push.logged(orderNo, 'notification handed to the gateway')).toBe(1);
    },
  );

  it('waits in the outbox while the broker is away', async () => {
    await using _push = await start({ OUTBOX_MAX_BACKOFF_MS: '100' });
    broker.faults.refuseSends({ topic: 'NOTIFICATION_EVENTS' });
    await send(createdEvent);
    await until(async () => (await countOf('outbox_messages', 'sent_at IS NULL')) === 1, {
      what: 'the row',
    });
    broker.faults.endAll();
    await delivered(1);
  });

  it('of a listener that still runs when the service stops is sent before it has stopped', async () => {
    // Nothing but the end of the service would send it in this test's time.
    const push = await start({ OUTBOX_POLL_MS: '60000' });
    const held = await createConnection({ uri: process.env['DATABASE_URL'] ?? '' });
    await held.query(`LOCK TABLES ${schema}.notifications WRITE`);
    const { orderNo } = await send(createdEvent);
    await until(async () => {
      const [rows] = await database.query(
        `SELECT 1 FROM information_schema.processlist
          WHERE db = ? AND state LIKE 'Waiting for table%'`,
        [schema],
      );
      return (rows as unknown[]).length > 0;
    });
    const stopping = push.app.close();
    await until(() => push.app.get(MillraceHealth, { strict: false }).check().status === 'down', {
      what: 'consumers that are stopping',
    });
    await held.end();
    await stopping;
    expect(await countOf('outbox_messages', 'sent_at IS NOT NULL')).toBe(1);
    expect((await broker.messages('NOTIFICATION_EVENTS')).map(({ keys }) => keys)).toEqual([
      [orderNo],
    ]);
  });
});
