import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createConnection } from 'mysql2/promise';
import {
  comparePositions,
  ORDER_BINLOG,
  rowOf,
  type RowChange,
} from '../../../services/contracts/order-binlog.ts';
import { until, within } from '../../support/deadline.ts';
import { BinlogWorld, type RunningFollower } from './binlog-world.ts';
import { DatabaseProxy } from './database-proxy.ts';

let world: BinlogWorld;

beforeEach(async () => {
  world = await BinlogWorld.create();
});

afterEach(async () => {
  await world[Symbol.asyncDispose]();
});

async function started(
  options: Parameters<BinlogWorld['start']>[0] = {},
): Promise<RunningFollower> {
  const running = await world.start(options);
  await within(running.follower.begun(), 'the beginning');
  return running;
}

async function published(count: number): Promise<RowChange[]> {
  return until(
    async () => {
      const changes = await world.changes();
      return changes.length >= count ? changes : undefined;
    },
    { what: `${count} published changes`, timeoutMs: 20_000 },
  );
}

const inState = (running: RunningFollower, state: string): Promise<unknown> =>
  until(() => running.follower.status().state === state, {
    what: `state ${state}`,
    timeoutMs: 20_000,
  });

/** Each queue's positions only grow, so nothing came twice or out of order. */
async function expectOrder(): Promise<void> {
  for (const queue of await world.changesByQueue()) {
    for (const [index, change] of queue.entries()) {
      const before = queue[index - 1];
      if (before) expect(comparePositions(before.position, change.position)).toBeLessThan(0);
    }
  }
}

describe('what is published of a change', () => {
  it('is its table, operation, position, order and row, with every digit of its values', async () => {
    await started();
    await world.source.query(
      `ALTER TABLE orders ADD COLUMN big BIGINT UNSIGNED NULL, ADD COLUMN rate DECIMAL(30,10) NULL,
         ADD COLUMN exact DATETIME(6) NULL, ADD COLUMN raw VARBINARY(8) NULL, ADD COLUMN sale_id VARCHAR(32) NULL`,
    );
    await world.source.query(
      `INSERT INTO orders VALUES ('K-1', 'käthe 😀', 'CREATED', -9007199254740993, '2026-11-30 08:15:00.250', NULL, -5,
         18446744073709551615, '-12345678901234567890.0123456789', '2026-11-30 08:15:00.250123', x'00ff', 'S-1')`,
    );
    const [change] = await published(1);
    expect(change).toEqual({
      schema: world.schema,
      table: 'orders',
      op: 'INSERT',
      orderNo: 'K-1',
      position: { file: expect.stringMatching(/\.\d+$/), offset: expect.any(Number), row: 1 },
      committedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      after: {
        order_no: 'K-1',
        user_id: 'käthe 😀',
        status: 'CREATED',
        total_minor: '-9007199254740993',
        placed_at: '2026-11-30T08:15:00.250Z',
        note: null,
        step: -5,
        big: '18446744073709551615',
        rate: '-12345678901234567890.0123456789',
        exact: '2026-11-30T08:15:00.250123Z',
        raw: { base64: 'AP8=' },
        sale_id: 'S-1',
      },
    });
    const [message] = await world.broker.messages(ORDER_BINLOG);
    expect([message!.tags, message!.keys]).toEqual(['orders', ['K-1']]);
    const { file, offset } = change!.position;
    expect(Object.fromEntries(message!.properties)).toMatchObject({
      op: 'INSERT',
      binlogFile: file,
      binlogPosition: String(offset),
      rowIndex: '1',
      status: 'CREATED',
      userId: 'käthe 😀',
      saleId: 'S-1',
    });
  });

  it("keeps one order's changes in one queue and in order, also those of rows that only name its refund", async () => {
    await started();
    for (let index = 0; index < 12; index++) {
      const orderNo = `O-${index}`;
      await world.source.beginTransaction();
      await world.insertOrder(orderNo);
      await world.source.query("INSERT INTO order_items VALUES (?, 1, 'MUG'), (?, 2, 'POT')", [
        orderNo,
        orderNo,
      ]);
      await world.source.commit();
      await world.setStatus(orderNo, 'PAID');
      await world.source.beginTransaction();
      await world.source.query('INSERT INTO order_refunds VALUES (?, ?)', [`R-${index}`, orderNo]);
      await world.source.query("INSERT INTO order_refund_items VALUES (?, 'MUG', 1)", [
        `R-${index}`,
      ]);
      await world.source.commit();
      await world.source.query('DELETE FROM order_refund_items WHERE refund_no = ?', [
        `R-${index}`,
      ]);
      await world.source.query('DELETE FROM order_refunds WHERE refund_no = ?', [`R-${index}`]);
    }
    await published(12 * 8);
    await expectOrder();
    const told = [
      'INSERT orders',
      'INSERT order_items',
      'INSERT order_items',
      'UPDATE orders',
      'INSERT order_refunds',
      'INSERT order_refund_items',
      'DELETE order_refund_items',
      'DELETE order_refunds',
    ];
    const queues = await world.changesByQueue();
    for (let index = 0; index < 12; index++) {
      const ofOrder = queues
        .map((queue) => queue.filter(({ orderNo }) => orderNo === `O-${index}`))
        .filter(({ length }) => length > 0);
      expect(ofOrder).toHaveLength(1);
      expect(ofOrder[0]!.map(({ op, table }) => `${op} ${table}`)).toEqual(told);
    }
    expect(queues.length).toBeGreaterThan(1);
  });

  it('knows the order of a refund that is older than the stream', async () => {
    await world.source.query("INSERT INTO order_refunds VALUES ('R-1', 'O-1')");
    await started();
    await world.source.query("INSERT INTO order_refund_items VALUES ('R-1', 'MUG', 1)");
    expect((await published(1))[0]).toMatchObject({ orderNo: 'O-1', table: 'order_refund_items' });
  });

  it('tells nothing of other tables and of what was rolled back', async () => {
    await world.source.query('CREATE TABLE notes (id INT PRIMARY KEY) ENGINE = InnoDB');
    await started();
    await world.source.query('INSERT INTO notes VALUES (1)');
    await world.source.beginTransaction();
    await world.insertOrder('ROLLED-BACK');
    await world.source.rollback();
    await world.insertOrder('KEPT');
    expect((await published(1)).map(({ orderNo }) => orderNo)).toEqual(['KEPT']);
  });

  it('follows columns that come and go while rows change', async () => {
    await started();
    const other = await createConnection(`${process.env['DATABASE_URL']}/${world.schema}`);
    const end = new AbortController();
    let count = 0;
    const writing = (async () => {
      while (!end.signal.aborted) {
        await other.query(
          `INSERT INTO orders (order_no, user_id, status, total_minor, placed_at, step) VALUES (?, 'u', 'CREATED', 1, NOW(3), ?)`,
          [`L-${count}`, count],
        );
        count++;
      }
    })();
    for (let round = 0; round < 3; round++) {
      await until(() => count > (round + 1) * 30, { what: 'rows' });
      await world.source.query(
        `ALTER TABLE orders ADD COLUMN extra INT NULL DEFAULT ${round} AFTER user_id`,
      );
      const at = count;
      await until(() => count > at + 30, { what: 'rows' });
      await world.source.query('ALTER TABLE orders DROP COLUMN extra');
    }
    end.abort();
    await writing;
    await other.end();
    const changes = await published(count);
    expect(changes.map((change) => rowOf(change)['step'])).toEqual(
      Array.from({ length: count }, (_, index) => index),
    );
    const extras = changes.map((change) => rowOf(change)['extra']);
    expect(new Set(extras)).toEqual(new Set([undefined, 0, 1, 2]));
    // Read by position, a value of another column would be where this one belongs.
    expect(new Set(changes.map((change) => rowOf(change)['user_id']))).toEqual(new Set(['u']));
  });
});

describe('a follower that goes on', () => {
  it('publishes what happened while it was not there, and nothing again', async () => {
    const first = await started();
    await world.insertOrder('O-1');
    await published(1);
    await first.stop();
    await world.setStatus('O-1', 'PAID');
    await world.insertOrder('O-2');
    const second = await started();
    await world.setStatus('O-2', 'CLOSED');
    await published(4);
    await inState(second, 'FOLLOWING');
    await expectOrder();
    expect((await world.changes()).map(({ op, orderNo }) => `${op} ${orderNo}`)).toEqual([
      'INSERT O-1',
      'UPDATE O-1',
      'INSERT O-2',
      'UPDATE O-2',
    ]);
  });

  it('sends nothing twice when its checkpoint is lost behind what queues have', async () => {
    const first = await started();
    const [checkpoint]: { file: string; atOffset: string }[] = await world.state.dataSource.query(
      'SELECT binlog_file AS file, binlog_offset AS atOffset FROM stream_checkpoints',
    );
    for (let index = 0; index < 20; index++) await world.insertOrder(`O-${index}`);
    await published(20);
    await first.stop();
    await world.state.dataSource.query(
      'UPDATE stream_checkpoints SET binlog_file = ?, binlog_offset = ?',
      [checkpoint!.file, checkpoint!.atOffset],
    );
    await started();
    await world.insertOrder('LAST');
    const changes = await published(21);
    await expectOrder();
    expect(changes).toHaveLength(21);
    expect(changes.at(-1)!.orderNo).toBe('LAST');
  });

  it('waits for a broker that is away, reads no further meanwhile, and loses nothing', async () => {
    const running = await started({ env: { SYNC_MAX_WAITING_COUNT: '20' } });
    await world.insertOrder('O-0');
    await published(1);
    await world.broker.kill();
    for (let index = 1; index <= 400; index++) await world.insertOrder(`O-${index}`);
    await inState(running, 'WAITING');
    await until(() => running.follower.status().waitingCount >= 20, { what: 'a full follower' });
    const { waitingCount, reason } = running.follower.status();
    expect(waitingCount).toBe(20);
    expect(reason).toMatch(/^queue .*:\d takes nothing: /);
    await world.broker.restart();
    const changes = await published(401);
    await expectOrder();
    expect(changes.map(({ orderNo }) => orderNo)).toEqual(
      Array.from({ length: 401 }, (_, index) => `O-${index}`),
    );
    await inState(running, 'FOLLOWING');
  });

  it('does not send again what is stored when only the answer was lost', async () => {
    await started();
    const fault = world.broker.faults.dropConnections({ when: 'afterStored', times: 3 });
    for (let index = 0; index < 10; index++) await world.insertOrder(`O-${index}`);
    await published(10);
    await fault.struck();
    await world.insertOrder('LAST');
    expect(await published(11)).toHaveLength(11);
    await expectOrder();
  });

  it('connects again when its connections to the source are cut, and goes on exactly there', async () => {
    await using proxy = await DatabaseProxy.start();
    const running = await started({
      env: { SYNC_SOURCE_URL: `mysql://root@127.0.0.1:${proxy.port}` },
    });
    let step = 0;
    for (let round = 0; round < 5; round++) {
      for (let index = 0; index < 20; index++) await world.insertOrder(`O-${step++}`);
      proxy.hangUp();
      for (let index = 0; index < 20; index++) await world.insertOrder(`O-${step++}`);
    }
    const changes = await published(200);
    await inState(running, 'FOLLOWING');
    await expectOrder();
    expect(changes.map(({ orderNo }) => orderNo)).toEqual(
      Array.from({ length: 200 }, (_, index) => `O-${index}`),
    );
  });

  it('goes on in the next file of the binlog', async () => {
    const running = await started();
    await world.insertOrder('O-1');
    await world.source.query('FLUSH BINARY LOGS');
    await world.insertOrder('O-2');
    const [first, second] = await published(2);
    expect(first!.position.file).not.toBe(second!.position.file);
    await until(() => running.follower.status().published?.file === second!.position.file, {
      what: 'the next file',
    });
    await expectOrder();
  });

  it('leaves the following to one process, and takes over when that one is gone', async () => {
    const first = await started();
    const second = await world.start();
    await inState(second, 'STANDBY');
    await world.insertOrder('O-1');
    await published(1);
    await first.stop();
    await inState(second, 'FOLLOWING');
    await world.insertOrder('O-2');
    expect(await published(2)).toHaveLength(2);
  });
});

describe('a stream that stops', () => {
  it('says the position and the reason of rows without all columns, publishes what came before, and begins anew when told to', async () => {
    const running = await started();
    await world.insertOrder('O-1');
    await world.source.query("SET SESSION binlog_row_image = 'MINIMAL'");
    await world.setStatus('O-1', 'PAID');
    await world.source.query("SET SESSION binlog_row_image = 'FULL'");
    await world.insertOrder('O-2');
    await inState(running, 'STOPPED');
    const { code, reason, stoppedAt } = running.follower.status();
    expect(code).toBe('SYNC.MALFORMED_EVENT');
    expect(reason).toContain('binlog_row_image must be FULL in every session');
    const [change] = await published(1);
    expect(comparePositions(stoppedAt!, change!.position)).toBeGreaterThan(0);
    expect(running.lines()).toContainEqual(
      expect.objectContaining({ msg: 'the stream has stopped', code }),
    );
    expect(await running.metrics.registry.metrics()).toMatch(
      /millrace_sync_stream_stops_total\{code="SYNC.MALFORMED_EVENT".*\} [1-9]/,
    );
    running.follower.resume();
    await until(
      () => running.lines().filter(({ msg }) => msg === 'the stream has stopped').length > 1,
      { what: 'another try' },
    );
    expect(running.follower.status().state).toBe('STOPPED');

    const position = await running.follower.beginAtEnd();
    expect(comparePositions(position, stoppedAt!)).toBeGreaterThan(0);
    await world.insertOrder('O-3');
    expect((await published(2)).map(({ orderNo }) => orderNo)).toEqual(['O-1', 'O-3']);
    await inState(running, 'FOLLOWING');
  });

  it.each([
    'TRUNCATE TABLE orders',
    "SET STATEMENT binlog_format = 'STATEMENT' FOR DELETE FROM orders",
  ])('does not pass over %s, of which the binlog tells no rows', async (statement) => {
    const running = await started();
    await world.insertOrder('O-1');
    await world.source.query(statement);
    await inState(running, 'STOPPED');
    expect(running.follower.status().reason).toContain(
      'of orders, which the binlog does not tell row by row',
    );
  });

  it('says what to do when the source has deleted the binlog it stands in', async () => {
    const first = await started();
    await first.stop();
    await world.state.dataSource.query(
      "UPDATE stream_checkpoints SET binlog_file = 'binlog.000000'",
    );
    const second = await world.start();
    await inState(second, 'STOPPED');
    const { code, reason } = second.follower.status();
    expect(code).toBe('SYNC.POSITION_LOST');
    expect(reason).toMatch(/no binlog binlog\.000000 any more, it has .* make a new snapshot/);
    await second.follower.beginAtEnd();
    await world.insertOrder('O-1');
    await published(1);
    await inState(second, 'FOLLOWING');
  });

  it('says so when queues hold what this source has never said', async () => {
    const first = await started();
    await world.insertOrder('O-1');
    const [change] = await published(1);
    await first.stop();
    const other = change!.position.file.replace(/\d+$/, '999999');
    await world.broker.createTopic(ORDER_BINLOG, 4);
    const { outgoingChange } = await import('../../../services/sync/follower/outgoing-change.ts');
    const { Producer } = await import('../../../services/common/mq.module.ts');
    const { message } = outgoingChange(
      { ...change!, position: { ...change!.position, file: other } },
      { start: change!.position, committedAtMs: 0, end: undefined, waitingCount: 0 },
    );
    await using producer = new Producer({
      namesrvAddr: world.broker.namesrvAddr,
      producerGroup: 'test',
    });
    await producer.send(message);
    const second = await world.start();
    await inState(second, 'STOPPED');
    expect(second.follower.status().reason).toContain(
      'it is another server or has lost its binlog',
    );
  });
});
