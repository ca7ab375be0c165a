import { expect } from '@jest/globals';
import { until } from '../../support/deadline.ts';
import type { Behaviours, Cell } from '../support/cell.ts';
import type { Client, Consumer, Got } from '../support/client.ts';
import { javaPeer } from '../support/peer-kinds.ts';
import { peerKeys } from '../support/peer-messages.ts';
import { javaVersions } from '../support/toolchain.ts';

const QUEUE_COUNT = 2;

export const goingBack: Behaviours = {
  heading: 'Going back: another sends, the client consumes, a tool sends its group elsewhere',
  behaviours: [
    {
      title: 'reset to a time while it runs: it consumes again from there, and nothing before',
      isSlow: true,
      run: (cell) => resetsRunning(cell, toolOf(cell)),
    },
    {
      title: 'the same, consuming in order',
      isSlow: true,
      run: (cell) => resetsRunning(cell, toolOf(cell), { orderly: true }),
    },
    {
      title: 'the same, by the tool of another make',
      isSlow: true,
      run: (cell) => resetsRunning(cell, cell.other),
    },
    {
      title: `the same, by the tool of ${javaVersions.newest49}`,
      isSlow: true,
      run: async (cell) => resetsRunning(cell, await cell.spare(javaPeer(javaVersions.newest49))),
    },
    {
      title: 'reset while it is stopped: it begins there when it is back',
      run: resetsStopped,
    },
    {
      title: 'reset before it ever came to the topic: it begins there, whatever it was told',
      run: resetsUnborn,
    },
    {
      title: 'its backlog is skipped while it is busy with it',
      isSlow: true,
      run: skipsBacklog,
    },
    {
      title:
        'a tool sees how far it is and what it is doing, and has it consume one message directly',
      run: inspects,
    },
    {
      title:
        'a new group begins with the first message of a young topic, even when told to begin last',
      run: async (cell) => {
        const { client, other, topic, group } = cell;
        await cell.createTopic(QUEUE_COUNT);
        await other.produce({ topic, count: 6 });
        await using consumer = await client.consume({ topic, group, from: 'last' });
        expect(timesOf(await consumer.distinct(6))).toEqual(once(peerKeys(6)));
      },
    },
  ],
};

/** The client's own; Go has none. */
function toolOf({ client, other }: Cell): Client {
  return client.name.startsWith('Go') ? other : client;
}

async function resetsRunning(cell: Cell, tool: Client, options = {}): Promise<void> {
  const { client, topic, group } = cell;
  const since = await twoBatches(cell);
  await using consumer = await client.consume({ topic, group, ...options });
  await consumer.distinct(20);
  await cell.caughtUp();
  const offsets = await tool.reset({ topic, group, timestamp: since });
  expect(new Set(offsets.keys())).toEqual(new Set([0, 1]));
  await repeated(consumer, peerKeys(10, 'second'));
  await cell.caughtUp();
  const times = timesOf(consumer.messages);
  for (const key of peerKeys(10, 'first')) expect(times.get(key)).toBe(1);
}

async function resetsStopped(cell: Cell): Promise<void> {
  const { client, topic, group } = cell;
  const since = await twoBatches(cell);
  {
    await using consumer = await client.consume({ topic, group });
    await consumer.distinct(20);
    await cell.caughtUp();
  }
  await toolOf(cell).reset({ topic, group, timestamp: since });
  await using consumer = await client.consume({ topic, group });
  const got = await consumer.distinct(10);
  expect(timesOf(got)).toEqual(once(peerKeys(10, 'second')));
  await cell.caughtUp();
  expect(consumer.messages).toHaveLength(10);
}

async function resetsUnborn(cell: Cell): Promise<void> {
  const { client, topic, group } = cell;
  const since = await twoBatches(cell);
  const { admin } = cell.cluster;
  await admin.updateSubscriptionGroup({ consumerGroup: group });
  await toolOf(cell).reset({ topic, group, timestamp: since });
  await using consumer = await client.consume({ topic, group, from: 'last' });
  expect(timesOf(await consumer.distinct(10))).toEqual(once(peerKeys(10, 'second')));
  await cell.caughtUp();
  expect(consumer.messages).toHaveLength(10);
}

async function skipsBacklog(cell: Cell): Promise<void> {
  const { client, other, topic, group } = cell;
  await cell.createTopic(QUEUE_COUNT);
  await other.produce({ topic, count: 400, prefix: 'old' });
  // In order: one at a time, two queues beside each other.
  const options = { topic, group, orderly: true, 'work-ms': 500 };
  await using consumer = await client.consume(options);
  await consumer.distinct(4);
  await toolOf(cell).reset({ topic, group, timestamp: -1 });
  await other.produce({ topic, count: 4, prefix: 'new' });
  const isNew = ({ key }: Got): boolean => key.startsWith('new');
  await consumer.gets((messages) => messages.filter(isNew).length >= 4, 'all that is new');
  await cell.caughtUp();
  expect(consumer.messages.length).toBeLessThan(200);
}

async function inspects(cell: Cell): Promise<string | void> {
  const { client, other, topic, group } = cell;
  await cell.createTopic(QUEUE_COUNT);
  const sent = await other.produce({ topic, count: 10 });
  await using consumer = await client.consume({ topic, group });
  await consumer.distinct(10);
  await cell.caughtUp();
  const ends = new Map<string, number>();
  for (const { queue, queueOffset } of sent) ends.set(queue!.split(':')[1]!, queueOffset + 1);
  const tool = await toolOfJava(cell);
  const seen = await tool.inspect({ topic, group, msgId: sent[0]!.offsetMsgId });
  const queues = [...ends].toSorted(([a], [b]) => Number(a) - Number(b));
  const sorted = (event: string): (readonly string[])[] =>
    seen(event)
      .filter(([first]) => !first!.startsWith('%RETRY%'))
      .map((fields) => (fields[0] === topic ? fields.slice(1) : fields))
      .toSorted(([a], [b]) => Number(a) - Number(b));
  expect(sorted('STATS')).toEqual(queues.map(([id, end]) => [id, '0', `${end}`]));
  expect(sorted('PROGRESS')).toEqual(queues.map(([id, end]) => [id, `${end}`, `${end}`]));
  expect(sorted('STATUS')).toEqual(queues.map(([id, end]) => [id, `${end}`]));
  expect(sorted('SPAN')).toEqual(queues.map(([id]) => [id, '0']));
  expect(seen('GROUPS')).toEqual([[group]]);
  const isGo = client.name.startsWith('Go');
  expect(seen('CONNECTION').map((fields) => fields[1])).toEqual([isGo ? 'GO' : 'JAVA']);
  expect(seen('DIRECTLY')).toEqual([['CR_SUCCESS']]);
  expect(timesOf(consumer.messages).get(sent[0]!.key)).toBe(2);
  if (!isGo) {
    expect(sorted('RUNNING')).toEqual(queues.map(([id, end]) => [id, `${end}`]));
    return undefined;
  }
  expect(seen('REFUSED')).toEqual([['info', '0', expect.stringContaining('NaN')]]);
  return 'The Go client does not say what it is doing in its first minute: its averages are of nothing then, which is no number, and its JSON has none.';
}

function toolOfJava(cell: Cell): Client | Promise<Client> {
  const { client, other } = cell;
  const java = [client, other].find(({ name }) => name.startsWith('Java'));
  return java ?? cell.spare(javaPeer(javaVersions.newest5));
}

/** Ten messages, and ten that were stored at or after the time this settles with. */
async function twoBatches(cell: Cell): Promise<number> {
  const { other, topic } = cell;
  await cell.createTopic(QUEUE_COUNT);
  await other.produce({ topic, count: 10, prefix: 'first' });
  const before = Date.now();
  await until(() => Date.now() > before, { timeoutMs: 1_000, what: 'a millisecond' });
  const since = Date.now();
  await other.produce({ topic, count: 10, prefix: 'second' });
  return since;
}

async function repeated(consumer: Consumer, keys: readonly string[]): Promise<void> {
  const isRepeated = (messages: readonly Got[]): boolean => {
    const times = timesOf(messages);
    return keys.every((key) => (times.get(key) ?? 0) >= 2);
  };
  await consumer.gets(isRepeated, `${keys.length} messages once more`);
}

function timesOf(messages: readonly Got[]): Map<string, number> {
  const times = new Map<string, number>();
  for (const { key } of messages) times.set(key, (times.get(key) ?? 0) + 1);
  return times;
}

function once(keys: readonly string[]): Map<string, number> {
  return new Map(keys.map((key) => [key, 1]));
}
