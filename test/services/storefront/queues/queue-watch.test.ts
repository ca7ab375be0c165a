import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { MqError } from '../../../../services/common/mq.module.ts';
import { LiveHub } from '../../../../services/storefront/live/live-hub.ts';
import { QueueWatch } from '../../../../services/storefront/queues/queue-watch.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { recordingLog } from '../../recording-log.ts';
import { FakePage } from '../live/fake-page.ts';

let clock: FakeClock;
let hub: LiveHub;
let watch: QueueWatch;
/** Answers a reading that waits. */
let answer: (backlog: number) => void;
let refuse: (error: Error) => void;

beforeEach(() => {
  clock = new FakeClock();
  hub = new LiveHub(clock);
  const reading = {
    backlog: () =>
      new Promise<number>((resolve, reject) => {
        answer = resolve;
        refuse = reject;
      }),
    all: () => Promise.reject(new Error('nobody shows the queue side')),
    forget: () => undefined,
  };
  watch = new QueueWatch({ reading, hub, timers: clock, log: recordingLog().log });
  watch.onModuleInit();
});

afterEach(() => {
  watch.onApplicationShutdown();
  hub.beforeApplicationShutdown();
});

function open(): FakePage {
  const page = new FakePage();
  hub.open(page.response);
  return page;
}

describe('the queue side that pages are told of', () => {
  it('is read on, and the backlog is that of the last reading', async () => {
    open();
    answer(7);
    await clock.advanceAndSettle(2_000);
    expect([watch.backlog, watch.broker]).toEqual([7, 'up']);
    refuse(new MqError('CONNECT_FAILED', 'away'));
    await clock.advanceAndSettle(0);
    expect([watch.backlog, watch.broker]).toEqual([null, 'down']);
  });

  it('is not known any more after a pause, also when it was being read as the last page left', async () => {
    const page = open();
    answer(7);
    await clock.advanceAndSettle(2_000);
    page.emit('close');
    expect(watch.backlog).toBeNull();
    answer(8);
    await clock.advanceAndSettle(60_000);
    expect([watch.backlog, watch.broker]).toEqual([null, 'up']);
  });
});
