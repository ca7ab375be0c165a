import { expect } from '@jest/globals';
import type { Behaviour, Behaviours, Cell } from '../support/cell.ts';
import type { Consumer, Sent } from '../support/client.ts';
import { delayOfLevelMs } from '../support/delay-levels.ts';

const DAY_MS = 86_400_000;

const recallAbsent: Behaviour['absent'] = [
  { client: /^Java 4/, why: 'Java 4.9.8 has no recall: its SendResult has no handle.' },
  { client: /^Go/, why: 'Go v2.1.2 has no recall: its SendResult has no handle.' },
];

export const delays: Behaviours = {
  heading: 'Delays: the client sends, another consumes',
  behaviours: [
    {
      title: 'a delay level: not before its time',
      run: async (cell) => await arrivesInTime(cell, { level: 4 }, delayOfLevelMs(4)),
    },
    {
      title: 'TIMER_DELAY_MS: not before its time',
      run: (cell) => arrivesInTime(cell, { timer: 'TIMER_DELAY_MS:2345' }, 2_345),
    },
    {
      title: 'TIMER_DELAY_SEC: not before its time',
      absent: [
        {
          client: /^Millrace/,
          why: 'Millrace’s client has one unit for a delay, the millisecond: `delayTimeMs`.',
        },
      ],
      run: (cell) => arrivesInTime(cell, { timer: 'TIMER_DELAY_SEC:2' }, 2_000),
    },
    {
      title: 'TIMER_DELIVER_MS: not before that time',
      run: async (cell) => {
        const deliverMs = Date.now() + 3_210;
        return await arrivesAt(cell, { timer: `TIMER_DELIVER_MS:${deliverMs}` }, () => deliverMs);
      },
    },
    {
      title: 'TIMER_DELIVER_MS in the past: at once',
      run: async (cell) => {
        const timer = `TIMER_DELIVER_MS:${Date.now() - 3_600_000}`;
        return await arrivesAt(cell, { timer }, () => 0);
      },
    },
    {
      title: 'a delay over the limit is refused with MESSAGE_ILLEGAL',
      run: async (cell) => {
        await cell.createTopic(1);
        const timer = `TIMER_DELAY_MS:${400 * DAY_MS}`;
        const { code } = await cell.client.refusedProduce({ topic: cell.topic, timer });
        expect(code).toBe('MESSAGE_ILLEGAL');
        expect(await cell.messageCount(cell.topic)).toBe(0);
      },
    },
    {
      title: 'recalled before its time, it never arrives',
      absent: recallAbsent,
      run: async (cell) => {
        const { client, other, topic, group } = cell;
        await cell.createTopic(1);
        await using consumer = await other.consume({ topic, group });
        const [sent] = await client.produce({ topic, timer: 'TIMER_DELAY_MS:5000' });
        expect(await client.recall(topic, sent!.recallHandle!)).toEqual({ msgId: sent!.msgId });
        await client.produce({ topic, timer: 'TIMER_DELAY_MS:7000', prefix: 'marker' });
        const received = await consumer.distinct(1);
        expect(received.map(({ key }) => key)).toEqual(['marker0']);
      },
    },
    {
      title: 'recalled after its time, it is refused',
      absent: recallAbsent,
      run: async (cell) => {
        const { client, other, topic, group } = cell;
        await cell.createTopic(1);
        await using consumer = await other.consume({ topic, group });
        const [sent] = await client.produce({ topic, timer: 'TIMER_DELAY_MS:1000' });
        await consumer.distinct(1);
        const answer = await client.recall(topic, sent!.recallHandle!);
        expect(answer).toMatchObject({ code: 'ILLEGAL_OPERATION' });
      },
    },
  ],
};

async function arrivesInTime(
  cell: Cell,
  options: Readonly<Record<string, string | number>>,
  delayMs: number,
): Promise<string | void> {
  return await arrivesAt(cell, options, ({ startedAtMs }) => startedAtMs + delayMs);
}

async function arrivesAt(
  cell: Cell,
  options: Readonly<Record<string, string | number>>,
  dueMsOf: (sent: Sent) => number,
): Promise<string | void> {
  const { client, other, topic, group } = cell;
  await cell.createTopic(1);
  await using consumer: Consumer = await other.consume({ topic, group });
  const [sent] = await client.produce({ topic, ...options });
  const [received] = await consumer.distinct(1);
  expect(received).toMatchObject({ key: sent!.key, msgId: sent!.msgId, topic });
  const earlyMs = dueMsOf(sent!) - received!.atMs;
  expect(earlyMs).toBeLessThanOrEqual(0);
  if (options['timer'] === undefined || !/^(Go|Java 4)/.test(client.name)) return undefined;
  return 'Go v2 and Java 4.9 know no timers; the property is put by hand, and the broker heeds it.';
}
