import { beforeEach, describe, expect, it } from '@jest/globals';
import { Supervisor, type Exit, type Running } from '../../../mq/cli/supervisor.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';

class FakeProcess implements Running {
  readonly pid = 1;
  readonly ready: Promise<void>;
  readonly exit: Promise<Exit>;
  readonly signals: NodeJS.Signals[] = [];
  serves!: () => void;
  ends!: (exit: Exit) => void;

  constructor() {
    this.ready = new Promise((resolve) => (this.serves = resolve));
    this.exit = new Promise((resolve) => (this.ends = resolve));
  }

  kill(signal: NodeJS.Signals): void {
    this.signals.push(signal);
  }
}

const KILLED: Exit = { code: null, signal: 'SIGKILL' };
const WELL: Exit = { code: 0, signal: null };

let clock: FakeClock;
let logger: RecordingLogger;
let launched: Map<string, FakeProcess[]>;
let supervisor: Supervisor;
let exitCode: number | undefined;
/** There is no memory for another process. */
let isFull: boolean;

beforeEach(() => {
  clock = new FakeClock();
  logger = new RecordingLogger();
  launched = new Map();
  exitCode = undefined;
  isFull = false;
  supervisor = new Supervisor({
    names: ['a', 'b'],
    launch: (name) => {
      if (isFull) throw new Error('spawn ENOMEM');
      const process = new FakeProcess();
      launched.set(name, [...(launched.get(name) ?? []), process]);
      return process;
    },
    clock,
    logger,
  });
  void supervisor.ended.then((code) => (exitCode = code));
});

const runs = (name: string): FakeProcess[] => launched.get(name) ?? [];
const latest = (name: string): FakeProcess => runs(name).at(-1)!;

async function serving(): Promise<void> {
  const started = supervisor.start();
  latest('a').serves();
  latest('b').serves();
  expect(await started).toBe(true);
}

async function ends(name: string, exit: Exit): Promise<void> {
  latest(name).ends(exit);
  await settle();
}

describe('a supervisor', () => {
  it('starts again what ends, later each time, and leaves the others alone', async () => {
    await serving();
    for (const delayMs of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
      const count = runs('a').length;
      await ends('a', KILLED);
      await clock.advanceAndSettle(delayMs - 1);
      expect(runs('a')).toHaveLength(count);
      await clock.advanceAndSettle(1);
      expect(runs('a')).toHaveLength(count + 1);
      latest('a').serves();
      await settle();
    }
    expect(runs('b')).toHaveLength(1);
    expect(latest('b').signals).toEqual([]);
    expect(logger.messages('error')[0]).toBe('a ended (SIGKILL): it is started again in 1000 ms');
    expect(logger.messages('info')[0]).toBe('a serves again');
    expect(exitCode).toBeUndefined();
  });

  it('forgets the ends of one that has served for a minute since', async () => {
    await serving();
    await ends('a', KILLED);
    await clock.advanceAndSettle(1_000);
    latest('a').serves();
    await clock.advanceAndSettle(60_000);
    await ends('a', { code: 7, signal: null });
    expect(logger.messages('error').at(-1)).toBe(
      'a ended (exit code 7): it is started again in 1000 ms',
    );
  });

  it('waits longer each time for one that has served for long and cannot any more', async () => {
    await serving();
    await clock.advanceAndSettle(600_000);
    for (const delayMs of [1_000, 2_000, 4_000, 8_000]) {
      await ends('a', { code: 1, signal: null });
      expect(logger.messages('error').at(-1)).toBe(
        `a ended (exit code 1): it is started again in ${delayMs} ms`,
      );
      await clock.advanceAndSettle(delayMs);
    }
  });

  it('tries on with one that has served and cannot any more', async () => {
    await serving();
    await ends('a', KILLED);
    await clock.advanceAndSettle(1_000);
    await ends('a', { code: 1, signal: null });
    await clock.advanceAndSettle(2_000);
    expect(runs('a')).toHaveLength(3);
    expect(exitCode).toBeUndefined();
  });

  it('tries on while the machine has no room for another process', async () => {
    await serving();
    isFull = true;
    await ends('a', KILLED);
    await clock.advanceAndSettle(1_000);
    expect(logger.messages('error').slice(-2)).toEqual([
      'a cannot be started',
      'a ended (exit code 1): it is started again in 2000 ms',
    ]);
    isFull = false;
    await clock.advanceAndSettle(2_000);
    latest('a').serves();
    await settle();
    expect(logger.messages('info')).toEqual(['a serves again']);
    expect(exitCode).toBeUndefined();
  });

  it('ends when the machine has no room for the first processes', async () => {
    isFull = true;
    expect(await supervisor.start()).toBe(false);
    expect(exitCode).toBe(1);
  });

  it('ends all with the exit code of one that never served', async () => {
    const started = supervisor.start();
    latest('b').serves();
    await ends('a', { code: 3, signal: null });
    expect(logger.messages('error')).toEqual(['a ended before it served (exit code 3): all end']);
    expect(latest('b').signals).toEqual(['SIGTERM']);
    expect(exitCode).toBeUndefined();
    await ends('b', WELL);
    expect(exitCode).toBe(3);
    expect(await started).toBe(false);
  });

  it.each([
    [WELL, 1],
    [KILLED, 1],
  ])('does not call it a success when one ends before it serves: %j', async (exit, code) => {
    void supervisor.start();
    await ends('a', exit);
    await ends('b', WELL);
    expect(exitCode).toBe(code);
  });

  it('passes the signal on, waits for all, and starts nothing any more', async () => {
    await serving();
    await ends('a', KILLED);
    supervisor.stop();
    supervisor.stop();
    expect(latest('b').signals).toEqual(['SIGTERM']);
    await clock.advanceAndSettle(60_000);
    expect(runs('a')).toHaveLength(1);
    await ends('b', WELL);
    expect(exitCode).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });

  it('ends well when one is told to end while it starts, and not when one fails to end well', async () => {
    void supervisor.start();
    latest('a').serves();
    supervisor.stop();
    await ends('b', { code: null, signal: 'SIGTERM' });
    await ends('a', { code: 1, signal: null });
    expect(exitCode).toBe(1);
  });

  it('ends all at once when asked again', async () => {
    await serving();
    supervisor.stop();
    supervisor.kill();
    expect(latest('a').signals).toEqual(['SIGTERM', 'SIGKILL']);
    await ends('a', KILLED);
    await ends('b', KILLED);
    expect(exitCode).toBe(1);
  });
});
