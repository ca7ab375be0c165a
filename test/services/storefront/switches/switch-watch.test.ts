import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { SwitchesEvent } from '../../../../services/storefront/live/live-events.ts';
import { LiveHub } from '../../../../services/storefront/live/live-hub.ts';
import { SwitchWatch } from '../../../../services/storefront/switches/switch-watch.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { recordingLog } from '../../recording-log.ts';
import { FakePage } from '../live/fake-page.ts';

let clock: FakeClock;
let hub: LiveHub;
let watch: SwitchWatch;
let state: SwitchesEvent;

beforeEach(() => {
  clock = new FakeClock();
  hub = new LiveHub(clock);
  state = { thirdParty: null, couponDatabase: 'running', broker: 'running', reasons: {} };
  const switches = {
    read: async () => state,
    turn: async () => (state = { ...state, broker: 'stopped' }),
  };
  watch = new SwitchWatch({ switches, hub, timers: clock, log: recordingLog().log });
  watch.onModuleInit();
});

afterEach(() => {
  watch.onApplicationShutdown();
  hub.beforeApplicationShutdown();
});

describe('how the switches stand', () => {
  it('is told when it changes, and to the next page also when one was turned while none was open', async () => {
    await watch.turn({ broker: 'stopped' });
    const page = new FakePage();
    hub.open(page.response);
    await clock.advanceAndSettle(5_000);
    expect(page.events('switches')).toEqual([state]);
    state = { ...state, broker: 'running' };
    await clock.advanceAndSettle(1_000);
    expect(page.events('switches').at(-1)).toEqual(state);
  });
});
