import { systemClock, type Clock, type TimerHandle } from '../clock.ts';

/** Real time, with timers that do not keep the process alive: a test that forgot to close its broker must still end. */
export const backgroundClock: Clock = {
  ...systemClock,
  setTimeout: (callback, delayMs) => unreferenced(systemClock.setTimeout(callback, delayMs)),
  setInterval: (callback, periodMs) => unreferenced(systemClock.setInterval(callback, periodMs)),
};

function unreferenced(timer: TimerHandle): TimerHandle {
  timer.unref();
  return timer;
}
