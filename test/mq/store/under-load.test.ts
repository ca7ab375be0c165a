import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { MessageStore } from '../../../mq/store/message-store.ts';
import { until } from '../../support/deadline.ts';
import { settle } from '../../support/fake-clock.ts';
import { FaultyFiles } from '../../support/faulty-files.ts';
import { bodies, message, openStore } from './store-under-test.ts';

let files: FaultyFiles;
let store: MessageStore;

beforeEach(async () => {
  files = new FaultyFiles();
  store = await openStore(files);
});

afterEach(async () => {
  await store.close();
  jest.restoreAllMocks();
});

/** An fsync takes some turns of the event loop. */
function slowDisk(): void {
  const open = files.open.bind(files);
  jest.spyOn(files, 'open').mockImplementation((file, mode) => {
    const opened = open(file, mode);
    const datasync = async (): Promise<void> => {
      await opened.datasync();
      await settle(3);
    };
    return { ...opened, datasync };
  });
}

/** Appends in every turn of the event loop until told to stop: with a slow disk, at no time all is flushed. */
function steadyLoad(topic: string): () => Promise<void> {
  let isOver = false;
  const appends: Promise<unknown>[] = [];
  const turn = (): void => {
    if (isOver) return;
    appends.push(store.append(message('x', { topic })));
    setImmediate(turn);
  };
  turn();
  return async () => {
    isOver = true;
    await Promise.all(appends);
  };
}

/** True when it settles within some turns of the event loop, which goes on meanwhile. */
async function settlesSoon(work: Promise<unknown>): Promise<boolean> {
  const outcome = work.then(() => true);
  return Promise.race([outcome, settle(500).then(() => false)]);
}

describe('a store that is never idle', () => {
  it('deletes a topic all the same', async () => {
    slowDisk();
    await store.append(message('old'));
    const stop = steadyLoad('TopicB');
    const isDeleted = await settlesSoon(store.deleteTopic('TopicA'));
    await stop();
    expect(isDeleted).toBe(true);
    expect(store.topics().map(({ topic }) => topic)).toEqual(['TopicB']);
  });
});

describe('topics with new queues', () => {
  it('can be deleted while another deletion flushes them', async () => {
    await store.append(message('old', { topic: 'TopicA' }));
    await store.append(message('other', { topic: 'TopicB' }));
    const { opened, open } = gate();
    const syncDirectory = files.syncDirectory.bind(files);
    const slow = jest.spyOn(files, 'syncDirectory').mockImplementation(async (directory) => {
      if (directory.endsWith('TopicA')) await opened;
      return syncDirectory(directory);
    });
    const first = store.deleteTopic('TopicC');
    await until(() => slow.mock.calls.some(([directory]) => directory.endsWith('TopicA')));
    const second = store.deleteTopic('TopicA');
    await settle(50);
    open();
    await Promise.all([first, second]);
    await store.append(message('goes on', { topic: 'TopicB' }));
    expect(await bodies(store, 'TopicB')).toEqual(['other', 'goes on']);
    expect(files.listDirectories('/store/consumequeue')).toEqual(['TopicB']);
  });

  it('stay deleted when their flush was under way, at whatever step', async () => {
    await store.append(message('other', { topic: 'TopicB' }));
    for (let turns = 0; turns < 12; turns++) {
      const topic = `Brief${turns}`;
      await store.append(message('brief', { topic }));
      const other = store.deleteTopic('TopicX');
      await settle(turns);
      await Promise.all([other, store.deleteTopic(topic)]);
      await store.append(message('goes on', { topic: 'TopicB' }));
      expect(files.listDirectories('/store/consumequeue')).toEqual(['TopicB']);
    }
  });
});

function gate(): { opened: Promise<void>; open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}
