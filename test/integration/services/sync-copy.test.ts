import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { BinlogRow } from '../../../services/contracts/order-binlog.ts';
import { until } from '../../support/deadline.ts';
import { changeAt, CopyWorld } from './copy-world.ts';

let world: CopyWorld;

beforeEach(async () => {
  world = await CopyWorld.create();
});

afterEach(async () => {
  await world[Symbol.asyncDispose]();
});

const order = (status: string, orderNo = 'O-1'): BinlogRow => ({
  order_no: orderNo,
  status,
  placed_at: '2026-11-30T08:15:00.250Z',
});
const stored = (status: string, orderNo = 'O-1') => ({
  order_no: orderNo,
  status,
  placed_at: '2026-11-30 08:15:00.250',
});

describe('the copy of a row', () => {
  it('is made with its table when the first change comes, times in UTC', async () => {
    await world.apply(100, { after: order('NEW') });
    expect(await world.rows()).toEqual([stored('NEW')]);
  });

  it('stays as it is when a change comes again, or an older one comes late', async () => {
    await world.apply(100, { after: order('NEW') });
    await world.apply(200, { before: order('NEW'), after: order('PAID') });
    await world.apply(300, { before: order('PAID'), after: order('SENT') });
    await world.apply(300, { before: order('PAID'), after: order('SENT') });
    await world.apply(200, { before: order('NEW'), after: order('PAID') });
    await world.apply(100, { after: order('NEW') });
    expect(await world.rows()).toEqual([stored('SENT')]);
  });

  it('takes what is later in the next file, however early it is in there', async () => {
    await world.apply(900_000_000, { file: 'binlog.000009', after: order('NEW') });
    await world.apply(4, { file: 'binlog.000010', before: order('NEW'), after: order('PAID') });
    await world.apply(900_000_001, {
      file: 'binlog.000009',
      before: order('NEW'),
      after: order('OLD'),
    });
    expect(await world.rows()).toEqual([stored('PAID')]);
  });

  it('takes the last of several changes that one event tells', async () => {
    await world.apply(100, { row: 2, before: order('NEW'), after: order('PAID') });
    await world.apply(100, { row: 1, after: order('NEW') });
    await world.apply(100, { row: 10, before: order('PAID'), after: order('SENT') });
    expect(await world.rows()).toEqual([stored('SENT')]);
  });

  it('stays away when an update comes that is older than its deletion', async () => {
    await world.apply(100, { after: order('NEW') });
    await world.apply(300, { before: order('PAID') });
    await world.apply(200, { before: order('NEW'), after: order('PAID') });
    expect(await world.rows()).toEqual([]);
  });

  it('stays away when its deletion is the first that is heard of it, and comes back when it is made anew', async () => {
    await world.apply(300, { before: order('PAID') });
    await world.apply(100, { after: order('NEW') });
    expect(await world.rows()).toEqual([]);
    await world.apply(400, { after: order('AGAIN') });
    expect(await world.rows()).toEqual([stored('AGAIN')]);
  });

  it('goes from the one key and is at the other when its key changes', async () => {
    await world.apply(100, { after: order('NEW') });
    await world.apply(200, { before: order('NEW'), after: order('NEW', 'O-2') });
    expect(await world.rows()).toEqual([stored('NEW', 'O-2')]);
  });

  it('is the last of its states when a batch has many of it, with those of other rows', async () => {
    const changes = Array.from({ length: 1_200 }, (_, index) =>
      changeAt(100 + index, { after: order(`S${index}`, `O-${index % 3}`) }),
    );
    await world.applyChanges.execute('queue-0', changes);
    expect(await world.rows()).toEqual([
      stored('S1197', 'O-0'),
      stored('S1198', 'O-1'),
      stored('S1199', 'O-2'),
    ]);
  });

  it('is not written when it is older than a snapshot that is whole, though it is not in the copy', async () => {
    await world.apply(100, { after: order('NEW', 'O-2') });
    await world.floor.raise('0000000001:0000000000500:0000000000');
    await world.applyChanges.execute('queue-0', [
      changeAt(400, { after: order('GONE') }),
      changeAt(600, { after: order('NEW', 'O-3') }),
    ]);
    expect((await world.rows()).map((row) => row['order_no'])).toEqual(['O-2', 'O-3']);
  });
});

it('is made anew when somebody has dropped it, and then wants a snapshot', async () => {
  await world.apply(100, { after: order('NEW') });
  await world.source.query(`DROP DATABASE ${world.copy.schema}`);
  // Each try finds out more of it; a queue that is suspended tries for as long as it takes.
  await until(
    async () => {
      await world.apply(200, { after: order('NEW', 'O-2') });
      return true;
    },
    { what: 'a change in the new copy' },
  );
  expect(await world.rows()).toEqual([stored('NEW', 'O-2')]);
  expect(await world.copy.query('SELECT COUNT(*) AS count FROM _snapshots')).toEqual([
    { count: '0' },
  ]);
});

describe('a column that the source gets', () => {
  it('comes with the first row that has it, and has its default in the rows of before', async () => {
    await world.apply(100, { after: order('NEW') });
    await world.apply(110, { after: order('NEW', 'O-2') });
    await world.source.query(
      "ALTER TABLE orders ADD COLUMN discount BIGINT NOT NULL DEFAULT 5, ADD COLUMN note VARCHAR(20) NULL, ADD COLUMN mark VARCHAR(8) NOT NULL DEFAULT 'it''s', ADD COLUMN pieces INT NOT NULL",
    );
    const extended = { ...order('NEW', 'O-3'), discount: '7', note: 'käthe', mark: '', pieces: 3 };
    await world.apply(200, { after: extended });
    // Told of late: it was made before the ALTER, in another queue.
    await world.apply(120, { after: order('NEW', 'O-4') });
    const old = { discount: '5', note: null, mark: "it's", pieces: 0 };
    expect(await world.rows()).toEqual([
      { ...stored('NEW'), ...old },
      { ...stored('NEW', 'O-2'), ...old },
      { ...stored('NEW', 'O-3'), discount: '7', note: 'käthe', mark: '', pieces: 3 },
      { ...stored('NEW', 'O-4'), ...old },
    ]);
    expect(world.wanted).toEqual([]);
  });

  it('asks for a snapshot when nobody can tell what old rows have in it', async () => {
    await world.apply(100, { after: order('NEW') });
    await world.source.query(
      "ALTER TABLE orders ADD COLUMN shout VARCHAR(32) AS (CONCAT(status, '!')) STORED",
    );
    await world.apply(200, { after: { ...order('NEW', 'O-2'), shout: 'NEW!' } });
    expect(world.wanted).toEqual([expect.stringContaining('shout')]);
  });

  it('asks for a snapshot when another is gone with it: that may have been its name', async () => {
    await world.apply(100, { after: order('NEW') });
    await world.source.query('ALTER TABLE orders RENAME COLUMN placed_at TO ordered_at');
    const { placed_at, ...rest } = order('NEW', 'O-2');
    await world.apply(200, { after: { ...rest, ordered_at: placed_at ?? null } });
    expect(world.wanted).toEqual([expect.stringContaining('ordered_at')]);
    expect(await world.rows()).toHaveLength(2);
  });

  it('comes as text when the source has dropped it again', async () => {
    await world.apply(100, { after: order('NEW') });
    await world.apply(200, { before: order('NEW'), after: { ...order('NEW'), gone: 'value' } });
    expect(await world.rows()).toEqual([{ ...stored('NEW'), gone: 'value' }]);
  });

  it('becomes wider in the copy when a value does not fit any more', async () => {
    await world.apply(100, { after: order('NEW') });
    await world.source.query('ALTER TABLE orders MODIFY COLUMN status VARCHAR(40) NOT NULL');
    await world.apply(200, { before: order('NEW'), after: order('PARTIALLY_REFUNDED') });
    expect(await world.rows()).toEqual([stored('PARTIALLY_REFUNDED')]);
  });

  it('is refused, and nothing of its batch is written, when the value fits nowhere', async () => {
    const tooLong = world.applyChanges.execute('queue-0', [
      changeAt(100, { after: order('NEW') }),
      changeAt(200, { after: order('FAR TOO LONG', 'O-2') }),
    ]);
    await expect(tooLong).rejects.toMatchObject({ code: 'ER_DATA_TOO_LONG' });
    expect(await world.rows()).toEqual([]);
  });
});

it('keeps what a value is, to the last digit and byte', async () => {
  await world.source.query(
    `ALTER TABLE orders ADD COLUMN big BIGINT UNSIGNED NULL, ADD COLUMN rate DECIMAL(30,10) NULL, ADD COLUMN exact DATETIME(6) NULL,
       ADD COLUMN raw VARBINARY(8) NULL, ADD COLUMN day DATE NULL, ADD COLUMN at TIMESTAMP(3) NULL, ADD COLUMN text TEXT NULL`,
  );
  await world.apply(100, {
    after: {
      ...order('NEW'),
      big: '18446744073709551615',
      rate: '-12345678901234567890.0123456789',
      exact: '2026-11-30T08:15:00.250123Z',
      raw: { base64: 'AP8n' },
      day: '2026-11-30',
      at: '2026-07-01T08:15:00.250Z',
      text: "2026-07-01T08:15:00.250Z 😀 '\\",
    },
  });
  expect(await world.rows()).toEqual([
    {
      ...stored('NEW'),
      big: '18446744073709551615',
      rate: '-12345678901234567890.0123456789',
      exact: '2026-11-30 08:15:00.250123',
      raw: Buffer.from([0, 255, 39]),
      day: '2026-11-30',
      at: '2026-07-01 08:15:00.250',
      text: "2026-07-01T08:15:00.250Z 😀 '\\",
    },
  ]);
});
