import { expect, it } from '@jest/globals';
import { PopLog, REVIVE_GROUP } from '../../../mq/broker/pop-log.ts';
import { silentLogger } from '../../../mq/logger.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FaultyFiles } from '../../support/faulty-files.ts';
import { HOST, message, openStore } from '../store/store-under-test.ts';

it('counts as done only what is before the first checkpoint that matters, in whatever order they are told of', async () => {
  const clock = new FakeClock();
  const store = await openStore(new FaultyFiles(), { clock });
  const committed = new Map<string, number>();
  const log = new PopLog({
    store,
    offsets: {
      query: (group, topic, queueId) => committed.get(`${topic}@${group}@${queueId}`),
      commit: ({ group, topic, queueId, queueOffset }) => {
        committed.set(`${topic}@${group}@${queueId}`, queueOffset);
        return true;
      },
    },
    reviveTopic: 'revive',
    storeHost: () => HOST,
    clock,
    logger: silentLogger,
  });
  const done = (): number | undefined => committed.get(`revive@${REVIVE_GROUP}@0`);
  const write = (): Promise<void> =>
    log.write(0, [message('x', { topic: 'revive' })], true, () => undefined);
  for (let count = 0; count < 4; count++) await write();
  expect(done()).toBe(3);
  await write();
  await write();
  log.hold(0, 7, 1);
  log.hold(0, 6, 2);
  for (let count = 0; count < 3; count++) await write();
  expect(done()).toBe(5);
  log.release(0, 7);
  log.release(0, 6);
  expect(done()).toBe(5);
  log.release(0, 6);
  expect(done()).toBe(8);
  await store.close();
});
