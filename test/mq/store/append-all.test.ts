import { describe, expect, it } from '@jest/globals';
import { failure } from '../../support/failure.ts';
import { FaultyFiles } from '../../support/faulty-files.ts';
import { bodies, message, openStore, readAll, SEGMENT_BYTES } from './store-under-test.ts';

const pair = (body: string): ReturnType<typeof message>[] => [
  message(`${body} a`, { topic: 'TopicA' }),
  message(`${body} b`, { topic: 'TopicB', queueId: 2 }),
];

describe('messages of several queues appended together', () => {
  it('lie next to each other, each in its own queue, with one write', async () => {
    const files = new FaultyFiles();
    const store = await openStore(files);
    const appended = store.append(message('before'));
    const [first, second] = await store.appendAll(pair('x'));
    await appended;
    expect(first).toMatchObject({ status: 'PUT_OK', queueOffset: 1 });
    expect(second).toMatchObject({ status: 'PUT_OK', queueOffset: 0 });
    expect(second!.commitLogOffset).toBe(first!.commitLogOffset + first!.sizeBytes);
    expect(await bodies(store, 'TopicA')).toEqual(['before', 'x a']);
    expect(await bodies(store, 'TopicB', 2)).toEqual(['x b']);
    await store.close();
  });

  it('become visible together', async () => {
    const store = await openStore(new FaultyFiles(), { flushDiskType: 'SYNC_FLUSH' });
    const seen: number[] = [];
    store.onArrival(() => {
      seen.push(store.maxOffset('TopicA', 0) + store.maxOffset('TopicB', 2));
    });
    await store.appendAll(pair('x'));
    expect(seen).toEqual([2, 2]);
    await store.close();
  });

  it('never lie on both sides of a segment border', async () => {
    const files = new FaultyFiles();
    const store = await openStore(files);
    for (let index = 0; index < 60; index++) {
      const [first, second] = await store.appendAll([
        message('a'.repeat(300)),
        message('b'.repeat(400), { topic: 'TopicB' }),
      ]);
      expect(Math.floor(first!.commitLogOffset / SEGMENT_BYTES)).toBe(
        Math.floor(second!.commitLogOffset / SEGMENT_BYTES),
      );
      expect(second!.commitLogOffset).toBe(first!.commitLogOffset + first!.sizeBytes);
    }
    await store.close();
    const again = await openStore(files);
    expect(await readAll(again, 'TopicB')).toHaveLength(60);
    await again.close();
  });

  it.each([0, 40, 130, 200])(
    'are all refused, and their offsets given to the next, when the disk is full after %i bytes',
    async (afterBytes) => {
      const files = new FaultyFiles();
      const store = await openStore(files, { diskMaxUsedPercent: 100 });
      await store.append(message('first'));
      files.failNext('write', { path: 'commitlog', code: 'ENOSPC', afterBytes });
      expect((await failure(store.appendAll(pair('refused')))).code).toBe('SERVICE_NOT_AVAILABLE');
      expect(store.maxOffset('TopicB', 2)).toBe(0);
      await store.close();
      const again = await openStore(files);
      const [first, second] = await again.appendAll(pair('taken'));
      expect([first!.queueOffset, second!.queueOffset]).toEqual([1, 0]);
      expect(await bodies(again, 'TopicA')).toEqual(['first', 'taken a']);
      expect(await bodies(again, 'TopicB', 2)).toEqual(['taken b']);
      await again.close();
    },
  );

  it('are all refused when one of them is, before any has an offset', async () => {
    const store = await openStore(new FaultyFiles(), { maxMessageBytes: 1_000 });
    const tooLarge = message('x'.repeat(1_001), { topic: 'TopicB' });
    expect((await failure(store.appendAll([message('a'), tooLarge]))).code).toBe('MESSAGE_ILLEGAL');
    const half = 'x'.repeat(1_000);
    const tooMany = Array.from({ length: 20 }, () => message(half));
    expect((await failure(store.appendAll(tooMany))).code).toBe('MESSAGE_ILLEGAL');
    expect((await failure(store.appendAll([]))).code).toBe('INVALID_ARGUMENT');
    expect(await store.append(message('b'))).toMatchObject({ queueOffset: 0, commitLogOffset: 0 });
    await store.close();
  });
});
