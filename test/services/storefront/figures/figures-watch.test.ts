import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FiguresWatch } from '../../../../services/storefront/figures/figures-watch.ts';
import { LiveHub } from '../../../../services/storefront/live/live-hub.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { recordingLog } from '../../recording-log.ts';
import { FakePage } from '../live/fake-page.ts';

let clock: FakeClock;
let hub: LiveHub;
let watch: FiguresWatch;
let isUp: boolean;
let consumed: number;
/** Lets the answers come that the services hold back. */
let release: () => void;
let held: Promise<void>;

beforeEach(() => {
  clock = new FakeClock();
  hub = new LiveHub(clock);
  isUp = true;
  consumed = 0;
  release = () => undefined;
  held = Promise.resolve();
  const text = (): string =>
    `millrace_messages_consumed_total{group="g",outcome="handled"} ${consumed}\n`;
  const services = {
    ask: async (_name: string, path: string) => {
      const status = isUp || path.startsWith('/metrics') ? 200 : 503;
      const answer = { status, text: text() };
      await held;
      return answer;
    },
  };
  const queues = { backlog: 0, broker: 'up' as const };
  const { log } = recordingLog();
  watch = new FiguresWatch({ services, queues, hub, timers: clock, log });
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

describe('the figures that pages are told', () => {
  it('have rates also after the clock on the wall was set back', async () => {
    const page = open();
    await clock.advanceAndSettle(0);
    clock.jumpWallClock(-3_600_000);
    consumed = 22;
    await clock.advanceAndSettle(1_000);
    // Eleven services count the same here.
    expect(page.events('figures').at(-1)).toMatchObject({ at: clock.now(), eventsPerS: 242 });
  });

  it('say nothing of what was read while the last page left', async () => {
    const page = open();
    await clock.advanceAndSettle(4_000);
    held = new Promise((resolve) => (release = resolve));
    await clock.advanceAndSettle(4_000);
    page.emit('close');
    release();
    await clock.advanceAndSettle(60_000);
    isUp = false;
    consumed = 1_000;
    const next = open();
    expect(next.events('figures')).toEqual([]);
    await clock.advanceAndSettle(0);
    const [first] = next.events('figures');
    expect(first).toMatchObject({ eventsPerS: 0 });
    expect(Object.values(first!.services)).not.toContain('up');
    next.emit('close');
  });
});
