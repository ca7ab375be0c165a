import { describe, expect, it } from '@jest/globals';
import { ConsumerOffsets } from '../../../mq/broker/consumer-offsets.ts';
import type { LogFields } from '../../../mq/logger.ts';
import { silentLogger } from '../../../mq/logger.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { FakeConfigFile } from '../../support/fake-config-file.ts';

async function setUp(content?: unknown) {
  const clock = new FakeClock();
  const file = new FakeConfigFile(content);
  const warnings: [string, LogFields | undefined][] = [];
  const errors: string[] = [];
  const offsets = await ConsumerOffsets.open({
    file,
    persistIntervalMs: 5_000,
    clock,
    logger: {
      ...silentLogger,
      warn: (message, fields) => void warnings.push([message, fields]),
      error: (message) => void errors.push(message),
    },
  });
  const commit = (queueOffset: number, queueId = 0, topic = 'TopicA', group = 'cg'): boolean =>
    offsets.commit({ group, topic, queueId, queueOffset, client: '127.0.0.1:40000' });
  return { clock, file, offsets, warnings, errors, commit };
}

describe('the offsets of consumer groups', () => {
  it('are kept by group, topic and queue', async () => {
    const { offsets, commit } = await setUp();
    commit(4, 0);
    commit(3, 1);
    commit(9, 0, 'TopicB');
    commit(1, 0, 'TopicA', 'other');
    expect(offsets.query('cg', 'TopicA', 0)).toBe(4);
    expect(offsets.query('cg', 'TopicA', 1)).toBe(3);
    expect(offsets.query('cg', 'TopicB', 0)).toBe(9);
    expect(offsets.query('other', 'TopicA', 0)).toBe(1);
    expect(offsets.query('cg', 'TopicA', 2)).toBeUndefined();
  });

  it('end where their queues do after a crash, which is logged and saved', async () => {
    const { offsets, commit, warnings, file } = await setUp();
    commit(4, 0);
    commit(3, 1);
    commit(2, 0, 'TopicB');
    const ends: Record<string, number> = { TopicA0: 4, TopicA1: 2 };
    offsets.cutAt((topic, queueId) => ends[`${topic}${queueId}`] ?? 0);
    await offsets.persist();
    expect(file.content).toEqual({
      offsetTable: { 'TopicA@cg': { '0': 4, '1': 2 }, 'TopicB@cg': { '0': 0 } },
    });
    expect(warnings.map(([, fields]) => fields)).toEqual([
      { progress: 'TopicA@cg', queueId: 1, from: 3, to: 2 },
      { progress: 'TopicB@cg', queueId: 0, from: 2, to: 0 },
    ]);
  });

  it('are cut with the reset that waits there, which would send its group past the end', async () => {
    const { offsets } = await setUp();
    const at = { group: 'cg', topic: 'T', queueId: 0 };
    offsets.reset(at, 9);
    offsets.cutAt(() => 5);
    expect(offsets.query('cg', 'T', 0)).toBe(5);
    expect(offsets.pendingReset(at)?.queueOffset).toBe(5);
  });

  it('may go backwards, which is logged with both numbers', async () => {
    const { offsets, commit, warnings } = await setUp();
    commit(100);
    commit(100);
    commit(40);
    expect(offsets.query('cg', 'TopicA', 0)).toBe(40);
    expect(warnings).toEqual([
      [
        'consumer offset goes backwards',
        {
          group: 'cg',
          topic: 'TopicA',
          queueId: 0,
          from: 100,
          to: 40,
          client: '127.0.0.1:40000',
        },
      ],
    ]);
  });

  it('are written in the original’s form', async () => {
    const { file, offsets, commit } = await setUp();
    commit(3, 1);
    commit(4, 0);
    commit(7, 0, '%RETRY%cg');
    await offsets.persist();
    expect(file.text).toBe('{"offsetTable":{"TopicA@cg":{"0":4,"1":3},"%RETRY%cg@cg":{"0":7}}}');
  });

  it('are read back from what the original wrote', async () => {
    const { offsets } = await setUp({
      dataVersion: { counter: 3, timestamp: 1, stateVersion: 0 },
      offsetTable: { 'TopicA@cg': { 0: 4, 3: 9007199254740991 } },
    });
    expect(offsets.query('cg', 'TopicA', 3)).toBe(Number.MAX_SAFE_INTEGER);
  });

  it('are not guessed from a file that makes no sense', async () => {
    await expect(setUp({ offsetTable: { 'TopicA@cg': { 0: 'four' } } })).rejects.toThrow(
      'consumerOffset.json: offsetTable.TopicA@cg.0 is "four", not an integer within 2^53',
    );
    await expect(setUp({ offsetTable: { 'TopicA@cg': { first: 4 } } })).rejects.toThrow('first');
    await expect(setUp([])).rejects.toThrow('consumerOffset.json is [], not an object');
  });

  it('are saved every five seconds, when there is something new', async () => {
    const { clock, file, offsets, commit } = await setUp();
    offsets.start();
    await clock.advanceAndSettle(20_000);
    expect(file.writeCount).toBe(0);
    commit(1);
    commit(2);
    await clock.advanceAndSettle(5_000);
    expect([file.writeCount, file.text]).toEqual([1, '{"offsetTable":{"TopicA@cg":{"0":2}}}']);
    await clock.advanceAndSettle(20_000);
    expect(file.writeCount).toBe(1);
  });

  it('are saved at close, with nothing left running', async () => {
    const { clock, file, offsets, commit } = await setUp();
    offsets.start();
    commit(5);
    await offsets.close();
    expect(file.text).toBe('{"offsetTable":{"TopicA@cg":{"0":5}}}');
    expect(clock.pendingTimers).toBe(0);
  });

  it('survive a save that the disk refused: the next one has them all', async () => {
    const { clock, file, offsets, commit, errors } = await setUp();
    offsets.start();
    commit(1);
    file.failure = new Error('no space left on device');
    await clock.advanceAndSettle(5_000);
    expect(errors).toHaveLength(1);
    expect(file.text).toBeUndefined();
    file.failure = undefined;
    await clock.advanceAndSettle(5_000);
    expect(file.text).toBe('{"offsetTable":{"TopicA@cg":{"0":1}}}');
  });

  it('committed during a save are part of the save that close waits for', async () => {
    const { file, offsets, commit } = await setUp();
    let open = (): void => undefined;
    file.gate = new Promise((resolve) => {
      open = resolve;
    });
    commit(1);
    const first = offsets.persist();
    commit(2);
    const closed = offsets.close();
    await settle();
    expect(file.writeCount).toBe(1);
    open();
    await Promise.all([first, closed]);
    expect(file.text).toBe('{"offsetTable":{"TopicA@cg":{"0":2}}}');
  });

  it('committed just as a save ends are not left to the next interval', async () => {
    // The end of a save is a few microtasks long; a commit may fall between any two of them.
    for (let microtasks = 0; microtasks < 12; microtasks++) {
      const { file, offsets, commit } = await setUp();
      let open = (): void => undefined;
      file.gate = new Promise((resolve) => {
        open = resolve;
      });
      commit(1);
      const first = offsets.persist();
      await settle();
      open();
      for (let turn = 0; turn < microtasks; turn++) await Promise.resolve();
      commit(2);
      await Promise.all([offsets.persist(), first]);
      expect(file.text).toBe('{"offsetTable":{"TopicA@cg":{"0":2}}}');
    }
  });

  it('of a deleted topic are forgotten, and of no other', async () => {
    const { offsets, commit } = await setUp();
    commit(1, 0, 'TopicA');
    commit(2, 0, 'TopicA', 'other');
    commit(3, 0, 'TopicA1');
    offsets.removeTopic('TopicA');
    expect(offsets.query('cg', 'TopicA', 0)).toBeUndefined();
    expect(offsets.query('other', 'TopicA', 0)).toBeUndefined();
    expect(offsets.query('cg', 'TopicA1', 0)).toBe(3);
  });
});
