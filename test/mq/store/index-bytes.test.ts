import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { indexFileName, nextIndexFileName } from '../../../mq/store/index-layout.ts';
import { indexKeyHash } from '../../../mq/store/index-keys.ts';
import { FaultyFiles } from '../../support/faulty-files.ts';
import { readHexFile } from '../../support/hex-file.ts';
import { indexFiles, INDEX_DIRECTORY, StampClock } from './index-under-test.ts';
import { message, openStore } from './store-under-test.ts';

const fixture = readHexFile(
  path.join(import.meta.dirname, '../../interop/goldens/index-java-5.5.0.hex'),
);
const sizes = { maxHashSlotNum: 5, maxIndexNum: 9 };
const expected = fixture.filter(({ title }) => title.startsWith('index file'));

async function replay(options: { reopensAfterEach: boolean }): Promise<FaultyFiles> {
  const files = new FaultyFiles();
  const stamps = new StampClock();
  const open = () => openStore(files, { clock: stamps.clock, ...sizes });
  let store = await open();
  for (const { title, bytes } of fixture.filter((item) => item.title.startsWith('message'))) {
    const [, storeTimestamp, sysFlag, topic, bodyBytes] = title.split(' ');
    stamps.nowMs = Number(storeTimestamp);
    await store.append({
      ...message('x'.repeat(Number(bodyBytes)), { topic: topic!, sysFlag: Number(sysFlag) }),
      propertiesString: bytes.toString('utf8'),
    });
    if (!options.reopensAfterEach) continue;
    await store.close();
    store = await open();
  }
  await store.close();
  return files;
}

describe('index files', () => {
  it('equal those of the official store byte for byte', async () => {
    const ours = indexFiles(await replay({ reopensAfterEach: false }));
    expect(ours.map((bytes) => bytes.toString('hex'))).toEqual(
      expected.map(({ bytes }) => bytes.toString('hex')),
    );
  });

  it('are the same when the store is closed and opened again after every message', async () => {
    const ours = indexFiles(await replay({ reopensAfterEach: true }));
    expect(ours.map((bytes) => bytes.toString('hex'))).toEqual(
      expected.map(({ bytes }) => bytes.toString('hex')),
    );
  });

  it('say in the checkpoint up to when full ones are flushed, as the original', async () => {
    const files = await replay({ reopensAfterEach: false });
    const checkpoint = files.bytes(path.join(INDEX_DIRECTORY, '..', 'checkpoint'));
    expect(Number(checkpoint.readBigInt64BE(16))).toBe(
      Number(expected[2]!.bytes.readBigInt64BE(8)),
    );
  });

  it('are named by local time to the millisecond, each behind the one before', () => {
    const time = new Date(2026, 10, 3, 4, 5, 6, 78).getTime();
    expect(indexFileName(time)).toBe('20261103040506078');
    expect(nextIndexFileName(time, undefined)).toBe('20261103040506078');
    expect(nextIndexFileName(time, '20261103040506078')).toBe('20261103040506079');
    expect(nextIndexFileName(time, '20261231235959999')).toBe('20261231235960000');
  });

  it('take 0 for the hash that has no absolute value', () => {
    expect(indexKeyHash('TopicA', '+00:?45')).toBe(0);
  });
});
