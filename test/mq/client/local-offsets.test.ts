import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { LocalOffsets } from '../../../mq/client/local-offsets.ts';
import { formatLocalOffsets, parseLocalOffsets } from '../../../mq/protocol/local-offsets.ts';
import { FaultyFiles } from '../../support/faulty-files.ts';
import { readGoldens, type GoldenMaker } from '../../support/goldens.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { plays } from '../../support/plays.ts';

const queue = { topic: 'T', brokerName: 'broker-a', queueId: 0 };
const other = { ...queue, queueId: 1 };
const file = '/offsets/10.0.0.1@i/g/offsets.json';

function offsets(files: FaultyFiles, logger = new RecordingLogger(), clientId = '10.0.0.1@i') {
  return new LocalOffsets({
    offsetStoreDir: '/offsets',
    clientId,
    consumerGroup: 'g',
    logger,
    files,
  });
}

/** What the next start of this consumer reads. */
async function reopened(files: FaultyFiles, logger = new RecordingLogger()): Promise<LocalOffsets> {
  const again = offsets(files, logger);
  await again.open();
  return again;
}

describe('the text of offsets.json', () => {
  it.each<GoldenMaker>(['java-4.9.8', 'java-5.5.0'])('is read as %s writes it', (maker) => {
    expect(parseLocalOffsets(readGoldens(maker)('local offsets').toString())).toEqual([
      [{ topic: 'TopicA', brokerName: 'broker-b', queueId: 3 }, 5_000_000_000],
      [{ topic: 'TopicA', brokerName: 'broker-a', queueId: 0 }, 7],
    ]);
  });

  it.each<GoldenMaker>(['java-4.9.8', 'java-5.5.0'])(
    'is written as %s does, but for blanks',
    (maker) => {
      const java = readGoldens(maker)('local offsets').toString();
      expect(formatLocalOffsets(parseLocalOffsets(java))).toBe(java.replaceAll(/\s/g, ''));
    },
  );

  it('is refused when it is something else, naming the field', () => {
    expect(() => parseLocalOffsets('{"offsetTable":5}')).toThrow('offsets.json.offsetTable');
    expect(() => parseLocalOffsets('{"offsetTable":{{"topic":"T"}:5}}')).toThrow('brokerName');
    expect(() =>
      parseLocalOffsets('{"offsetTable":{{"brokerName":"b","queueId":0,"topic":"T"}:-1}}'),
    ).toThrow('offsets.json.offsetTable has the offset -1');
    expect(() => parseLocalOffsets('[]')).toThrow('offsets.json is []');
  });
});

describe('the progress of a broadcasting consumer', () => {
  it('is found again by the same clientId and group', async () => {
    const files = new FaultyFiles();
    const first = await reopened(files);
    expect(first.get(queue)).toBeUndefined();
    first.set(queue, 5);
    first.set(other, 0);
    await first.save();
    first.close();
    const again = await reopened(files);
    expect([again.get(queue), again.get(other)]).toEqual([5, 0]);
    expect(files.bytes(file).toString()).toContain(
      '{"brokerName":"broker-a","queueId":0,"topic":"T"}:5',
    );
  });

  it('costs no write when nothing has changed', async () => {
    const files = new FaultyFiles();
    const store = await reopened(files);
    store.set(queue, 5);
    await store.save();
    const writes = files.count('write');
    store.set(queue, 5);
    await store.save();
    expect(files.count('write')).toBe(writes);
  });

  it('is saved with the next report when the disk did not take it', async () => {
    const files = new FaultyFiles();
    const logger = new RecordingLogger();
    const store = await reopened(files, logger);
    files.failNext('write', { code: 'ENOSPC' });
    await store.of(queue).report(5);
    expect(logger.messages('warn')).toEqual([
      'the progress of a broadcasting consumer could not be saved',
    ]);
    await store.of(queue).report(5);
    store.close();
    expect((await reopened(files)).get(queue)).toBe(5);
    files.failNext('datasync', { code: 'EIO' });
    const failing = offsets(files, logger, '10.0.0.1@another');
    await failing.open();
    await expect(failing.of(queue).commit(6)).rejects.toMatchObject({ code: 'STORE_FAILED' });
  });

  it('is taken from the backup when the file is damaged, which is said aloud', async () => {
    const files = new FaultyFiles();
    const store = await reopened(files);
    for (const queueOffset of [5, 6]) {
      store.set(queue, queueOffset);
      await store.save();
    }
    store.close();
    for (const damage of ['{"offsetTable":{{"brok', '{"offsetTable":"gone"}', '']) {
      files.put(file, Buffer.from(damage));
      const logger = new RecordingLogger();
      const again = await reopened(files, logger);
      expect(again.get(queue)).toBe(5);
      expect([...logger.messages('error'), ...logger.messages('warn')]).toHaveLength(1);
      again.close();
    }
  });

  it('is not begun anew when the backup is damaged, too', async () => {
    const files = new FaultyFiles();
    files.put(file, Buffer.from('{'));
    files.put(`${file}.bak`, Buffer.from('also {'));
    await expect(offsets(files).open()).rejects.toMatchObject({
      code: 'STORE_FAILED',
      message: `${file} and its backup cannot be parsed`,
    });
    // Mended by hand: the failed start has not kept the file.
    files.put(file, Buffer.from(formatLocalOffsets([[queue, 4]])));
    expect((await reopened(files)).get(queue)).toBe(4);
  });

  it('belongs to one consumer at a time', async () => {
    const files = new FaultyFiles();
    const first = await reopened(files);
    await expect(offsets(files).open()).rejects.toMatchObject({
      code: 'STORE_FAILED',
      message: expect.stringContaining(
        'a broadcasting consumer of g with the clientId 10.0.0.1@i lives already',
      ) as unknown as string,
    });
    first.close();
    await reopened(files);
  });

  it('is not begun anew when the disk does not give it, which is said as what it is', async () => {
    const files = new FaultyFiles();
    const store = await reopened(files);
    store.set(queue, 5);
    await store.save();
    store.close();
    files.failNext('read', { path: file, code: 'EIO' });
    await expect(offsets(files).open()).rejects.toMatchObject({
      code: 'STORE_FAILED',
      message: expect.stringContaining(file) as unknown as string,
    });
    expect((await reopened(files)).get(queue)).toBe(5);
  });

  it('can be begun where others keep theirs from being looked at', async () => {
    const files = new FaultyFiles();
    const theirs = offsets(files, undefined, 'their@i');
    await theirs.open();
    theirs.set(queue, 5);
    await theirs.save();
    const sizeOf = files.sizeOf.bind(files);
    files.sizeOf = (path) => {
      if (path.includes('their@i')) throw Object.assign(new Error('denied'), { code: 'EACCES' });
      return sizeOf(path);
    };
    expect((await reopened(files)).get(queue)).toBeUndefined();
  });

  it('warns of a clientId that has changed', async () => {
    const files = new FaultyFiles();
    const store = await reopened(files);
    store.set(queue, 1);
    await store.save();
    const logger = new RecordingLogger();
    await offsets(files, logger, '10.0.0.2@i').open();
    expect(logger.entries).toEqual([
      expect.objectContaining({
        level: 'warn',
        fields: { clientId: '10.0.0.2@i', consumerGroup: 'g', others: ['10.0.0.1@i'], count: 1 },
      }),
    ]);
  });

  it.each(['10.0.0.1@a/b', '10.0.0.1@..\\b', 'a\0@b'])('is not kept outside: %j', (clientId) => {
    expect(() => offsets(new FaultyFiles(), undefined, clientId)).toThrow(
      'cannot name a directory',
    );
  });

  it('never falls behind a save that was acknowledged, whatever kills or power cuts come', async () => {
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.constant('set' as const) },
      { weight: 3, arbitrary: fc.constant('save' as const) },
      fc.constant('begin to save' as const),
      fc.constant('kill' as const),
      fc.constant('cut power' as const),
      fc.constant('full disk' as const),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.integer(), async (steps, seed) => {
        const files = new FaultyFiles(seed);
        let store = await reopened(files);
        let [latest, saved] = [0, 0];
        for (const what of steps) {
          if (what === 'set') store.set(queue, ++latest);
          if (what === 'full disk') files.failNext('write', { code: 'ENOSPC', afterBytes: 7 });
          if (what === 'begin to save') void store.trySave();
          if (what === 'save') {
            const aimed = latest;
            await store.save().then(
              () => (saved = aimed),
              () => undefined,
            );
          }
          if (what === 'kill' || what === 'cut power') {
            if (what === 'kill') files.killProcess();
            else files.cutPower();
            store = await reopened(files);
            const found = store.get(queue) ?? 0;
            expect(found).toBeGreaterThanOrEqual(saved);
            expect(found).toBeLessThanOrEqual(latest);
            [latest, saved] = [found, found];
          }
        }
      }),
      plays(),
    );
  });
});
