import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SeededRandom } from '../../../../infra/seeded-random.ts';
import { Clock } from '../../../../services/common/clock.ts';
import { Metrics } from '../../../../services/common/metrics.ts';
import { MqError } from '../../../../services/common/mq.module.ts';
import { Follower, type FollowerParts } from '../../../../services/sync/follower/follower.ts';
import { FollowerMetrics } from '../../../../services/sync/follower/follower-metrics.ts';
import { pause } from '../../../../services/sync/follower/pause.ts';
import { SourceAway, StreamFault } from '../../../../services/sync/follower/stream-fault.ts';
import { until } from '../../../support/deadline.ts';
import { recordingLog } from '../../recording-log.ts';
import { FakeClient, type ClientFault } from './fake-binlog.ts';
import { fakeSettings, Life, MortalWorld } from './mortal-world.ts';

/** Nothing goes wrong by chance here. */
class Calm extends SeededRandom {
  override chance(): boolean {
    return false;
  }
}

let world: MortalWorld;
let follower: Follower;
/** Of the clients that are opened next, one after the other; the last one stays. */
let faults: (ClientFault | undefined)[];
let clients: FakeClient[];
let lines: () => Record<string, unknown>[];

beforeEach(() => {
  world = new MortalWorld(new Calm(1), 2);
  faults = [];
  clients = [];
});

afterEach(async () => {
  await follower.onApplicationShutdown();
});

async function start(changed: Partial<FollowerParts> = {}): Promise<void> {
  const recording = recordingLog();
  ({ lines } = recording);
  follower = new Follower({
    ...world.parts(new Life(Infinity)),
    newClient: () => {
      const fault = faults.length > 1 ? faults.shift() : faults[0];
      clients.push(new FakeClient(world.binlog, fault));
      return clients.at(-1)!;
    },
    pause,
    clock: new Clock(),
    metrics: new FollowerMetrics(new Metrics('sync')),
    log: recording.log,
    ...changed,
  });
  await follower.onApplicationBootstrap();
}

function insert(...orderNos: string[]): void {
  world.binlog.commit([
    { op: 'INSERT', table: 'orders', rows: orderNos.map((order_no) => ({ order_no })) },
  ]);
}

const orderNos = (): string[] =>
  world.queues
    .flatMap(({ queueId }) => world.changes(queueId))
    .sort((a, b) => a.position.offset - b.position.offset || a.position.row - b.position.row)
    .map(({ orderNo }) => orderNo);

const inState = (state: string): Promise<unknown> =>
  until(() => follower.status().state === state, { what: `state ${state}` });
const stopCount = (): number =>
  lines().filter(({ msg }) => msg === 'the stream has stopped').length;

describe('an event that cannot be read', () => {
  it('stops the stream at its position with the reason, after all that came before; mended, nothing is missing', async () => {
    insert('O-1', 'O-2');
    insert('O-3');
    insert('O-4');
    // Two transactions of three events each come before; the rows of the third are broken.
    faults = [{ afterCount: 7, kind: 'malformed', message: 'Invalid unsigned integer size: 7' }];
    // After the first try each client begins at the third transaction.
    faults.push({ afterCount: 1, kind: 'malformed', message: 'Invalid unsigned integer size: 7' });
    await start();
    await inState('STOPPED');
    expect(follower.status()).toMatchObject({
      code: 'SYNC.MALFORMED_EVENT',
      reason: 'the event cannot be read: Invalid unsigned integer size: 7',
      stoppedAt: { file: 'binlog.000001', offset: 704 },
      published: { offset: 604 },
    });
    expect(orderNos()).toEqual(['O-1', 'O-2', 'O-3']);
    await until(() => stopCount() > 1, { what: 'another try by itself' });
    expect(follower.status().state).toBe('STOPPED');
    expect(orderNos()).toEqual(['O-1', 'O-2', 'O-3']);

    faults = [undefined];
    follower.resume();
    await inState('FOLLOWING');
    await until(() => orderNos().length === 4, { what: 'the last change' });
    expect(orderNos()).toEqual(['O-1', 'O-2', 'O-3', 'O-4']);
    expect(follower.status()).toMatchObject({
      code: undefined,
      reason: undefined,
      stoppedAt: undefined,
    });
  });

  it('is tried again at once when told to', async () => {
    faults = [{ afterCount: 0, kind: 'malformed' }, undefined];
    insert('O-1');
    let waited: AbortSignal | undefined;
    // Back-off never ends by itself.
    await start({
      pause: (ms, signal) => {
        if (stopCount() === 0) return pause(ms, signal);
        waited = signal;
        return signal.aborted
          ? Promise.resolve()
          : new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
      },
    });
    await until(() => waited !== undefined, { what: 'the back-off' });
    follower.resume();
    await until(() => orderNos().length === 1, { what: 'the change' });
  });

  it.each([
    ['XaPrepare', {}, 'the binlog holds an XA transaction, which may yet be rolled back'],
    ['Gtid', {}, 'the binlog holds a GTID of MySQL: the source must be a MariaDB'],
    [
      'TableMap',
      { schemaName: 'shop', tableName: 'orders', hasSelfDescribingMetadata: () => false },
      'the binlog holds shop.orders without the names of its columns, binlog_row_metadata must be FULL',
    ],
  ])('counts as such: %s', async (typeName, fields, reason) => {
    world.binlog.log(typeName, fields);
    await start();
    await inState('STOPPED');
    expect(follower.status()).toMatchObject({ code: 'SYNC.MALFORMED_EVENT', reason });
  });

  it('counts as such: the item of a refund that nobody knows', async () => {
    world.binlog.commit([
      { op: 'INSERT', table: 'order_refund_items', rows: [{ refund_no: 'R-9', sku: 'MUG' }] },
    ]);
    await start();
    await inState('STOPPED');
    expect(follower.status().reason).toContain(
      'a row of order_refund_items belongs to a row of order_refunds that nobody knows',
    );
  });
});

it('moves a row that goes from one order to another from one queue to the other', async () => {
  world.binlog.commit([
    {
      op: 'UPDATE',
      table: 'orders',
      rows: [
        { before: { order_no: 'O-1' }, after: { order_no: 'O-2' } },
        { before: { order_no: 'O-3' }, after: { order_no: 'O-3' } },
      ],
    },
  ]);
  await start();
  await until(() => orderNos().length === 3, { what: 'the changes' });
  const changes = world.queues
    .flatMap(({ queueId }) => world.changes(queueId))
    .sort((a, b) => a.position.row - b.position.row);
  expect(changes.map(({ op, orderNo, position }) => [op, orderNo, position.row])).toEqual([
    ['DELETE', 'O-1', 1],
    ['INSERT', 'O-2', 2],
    ['UPDATE', 'O-3', 3],
  ]);
});

it('tells nothing of a transaction that the source was writing down when it died, and has rolled back', async () => {
  insert('O-1');
  world.binlog.tear(
    [{ op: 'INSERT', table: 'orders', rows: [{ order_no: 'O-2' }] }],
    'binlog.000002',
  );
  insert('O-3');
  await start();
  await until(() => orderNos().includes('O-3'), { what: 'what came after' });
  expect(orderNos()).toEqual(['O-1', 'O-3']);
  await until(() => follower.status().published?.file === 'binlog.000002', {
    what: 'the position in the next file',
  });
});

it('lets the source wait while the broker takes nothing, and says how much waits', async () => {
  for (let count = 0; count < 200; count++) insert(`O-${count}`);
  let isAway = true;
  const { port } = world.parts(new Life(Infinity));
  await start({
    port: {
      ...port,
      send: async (queue, messages) => {
        if (isAway) throw new MqError('NO_ROUTE', 'no broker');
        return port.send(queue, messages);
      },
    },
  });
  await inState('WAITING');
  await until(() => clients[0]!.restCount > 0, { what: 'a resting connection' });
  expect(follower.status()).toMatchObject({
    waitingCount: 16,
    reason: expect.stringMatching(/^queue broker-a:\d takes nothing: no broker$/),
  });
  isAway = false;
  await until(() => orderNos().length === 200, { what: 'all changes' });
  expect(orderNos()).toEqual(Array.from({ length: 200 }, (_, index) => `O-${index}`));
  await inState('FOLLOWING');
});

describe('a queue that has lost what the broker had acknowledged', () => {
  let isFailing: boolean;

  async function publishedOne(changed: Partial<FollowerParts> = {}): Promise<void> {
    const { port } = world.parts(new Life(Infinity));
    isFailing = false;
    await start({
      port: {
        ...port,
        send: async (queue, messages) => {
          if (isFailing) throw new MqError('REQUEST_TIMEOUT', 'no answer');
          return port.send(queue, messages);
        },
      },
      ...changed,
    });
    insert('O-1');
    await until(() => orderNos().length === 1, { what: 'the first change' });
  }

  /** The follower looks at the queue when a send has failed. */
  async function lose(): Promise<void> {
    isFailing = true;
    for (const { queueId } of world.queues) world.stored.set(queueId, []);
    insert('O-1', 'O-2');
    await until(() => stopCount() > 0, { what: 'a stop' });
    isFailing = false;
  }

  it('stops the stream until there is a new snapshot, however often it tries', async () => {
    await publishedOne();
    const { queueId } = world.queues.find(({ queueId: id }) => id === world.queueIdOf('O-1'))!;
    await until(() => world.checkpoint.queues[queueId]!.endOffset === 1, { what: 'a checkpoint' });
    await lose();
    await until(() => stopCount() > 3, { what: 'more tries' });
    expect(follower.status()).toMatchObject({
      state: 'STOPPED',
      code: 'SYNC.QUEUE_DIFFERS',
      reason: `queue broker-a:${queueId} ends at offset 0, the broker had acknowledged up to 1`,
    });
    await follower.onApplicationShutdown();
    await start();
    await inState('STOPPED');
    expect(orderNos()).toEqual([]);

    await follower.beginAtEnd();
    insert('O-3');
    await until(() => orderNos().length > 0, { what: 'what came after the snapshot' });
    expect(orderNos()).toEqual(['O-3']);
    await inState('FOLLOWING');
  });

  it('stops it also when it has taken more behind the gap meanwhile, however much', async () => {
    await publishedOne();
    const queueId = world.queueIdOf('O-1');
    await until(() => world.checkpoint.queues[queueId]!.endOffset === 1, { what: 'a checkpoint' });
    world.stored.set(queueId, []);
    // Nothing fails: only the offset tells.
    insert(...Array.from({ length: 6 }, () => 'O-1'));
    await until(() => stopCount() > 3, { what: 'more tries' });
    expect(follower.status()).toMatchObject({ state: 'STOPPED', code: 'SYNC.QUEUE_DIFFERS' });
    const storedCount = world.changes(queueId).length;
    await follower.onApplicationShutdown();
    await start();
    await inState('STOPPED');
    expect(world.changes(queueId)).toHaveLength(storedCount);
    await follower.beginAtEnd();
    await inState('FOLLOWING');
  });

  it('is sent again what was lost after the checkpoint', async () => {
    await publishedOne({ settings: fakeSettings({ checkpointMs: 1_000_000 }) });
    await lose();
    await until(() => orderNos().length === 3, { what: 'all changes' });
    expect(orderNos()).toEqual(['O-1', 'O-1', 'O-2']);
    await inState('FOLLOWING');
  });
});

it('stops at a change that no broker would ever take, instead of trying for ever', async () => {
  const { port } = world.parts(new Life(Infinity));
  insert('O-1');
  await start({
    port: {
      ...port,
      send: async () => {
        throw new MqError(
          'MESSAGE_ILLEGAL',
          'body of 5000000 bytes exceeds maxMessageBytes 4194304',
        );
      },
    },
  });
  await inState('STOPPED');
  expect(follower.status()).toMatchObject({
    code: 'SYNC.MESSAGE_REFUSED',
    reason: 'no broker would take a change: body of 5000000 bytes exceeds maxMessageBytes 4194304',
    stoppedAt: { offset: 104, row: 1 },
  });
});

it.each([
  ['Could not find first log file name in binary log index file', 'SYNC.POSITION_LOST'],
  [
    'binlog truncated in the middle of event; consider out of disk space on master; the first event',
    'SYNC.MALFORMED_EVENT',
  ],
  ['Misconfigured master - server_id was not set', 'SYNC.SOURCE_SETTINGS'],
])('tells apart why the server sends nothing: %s', async (message, code) => {
  faults = [{ afterCount: 0, kind: 'refused', message }];
  await start();
  await inState('STOPPED');
  expect(follower.status().code).toBe(code);
});

describe('a source', () => {
  const source = (checkSettings: () => Promise<void>): Partial<FollowerParts> => {
    const { openSource } = world.parts(new Life(Infinity));
    return { openSource: async () => ({ ...(await openSource()), checkSettings }) };
  };

  it('that is set wrong is an error of the start', async () => {
    const wrong = new StreamFault('SYNC.SOURCE_SETTINGS', 'binlog_format is MIXED, it must be ROW');
    await expect(start(source(() => Promise.reject(wrong)))).rejects.toThrow(
      'binlog_format is MIXED, it must be ROW',
    );
  });

  it('that is away is waited for', async () => {
    let isAway = true;
    insert('O-1');
    await start(
      source(async () => {
        await Promise.resolve();
        if (isAway) throw new SourceAway('connect ECONNREFUSED');
      }),
    );
    await inState('WAITING');
    expect(follower.status().reason).toBe('connect ECONNREFUSED');
    isAway = false;
    await until(() => orderNos().length === 1, { what: 'the change' });
  });
});
