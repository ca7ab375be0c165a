import { Timers } from '../../../mq/broker/timers.ts';
import { MqError } from '../../../mq/errors.ts';
import type { Files } from '../../../mq/store/files.ts';
import type { FlushDiskType } from '../../../mq/store/group-commit.ts';
import type { MessageStore } from '../../../mq/store/message-store.ts';
import { recallKey } from '../../../mq/broker/timer-recalls.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { HOST, message, openStore, readAll, ROOT } from '../store/store-under-test.ts';

export const TOPIC = 'TopicA';
export const TIMER_TOPIC = 'rmq_sys_wheel_timer';

export interface TimersOptions {
  readonly files: Files;
  readonly clock: FakeClock;
  readonly flushDiskType?: FlushDiskType;
  readonly rollWindowMs?: number;
}

export interface Copy {
  readonly name: string;
  readonly storedAtMs: number;
}

/** A store and its timers, in one life of a process. */
export class TimersUnderTest {
  readonly store: MessageStore;
  readonly timers: Timers;
  readonly clock: FakeClock;
  readonly logger: RecordingLogger;
  /** Names whose delivery the store refuses for now. */
  readonly refused = new Set<string>();

  private constructor(
    store: MessageStore,
    timers: Timers,
    clock: FakeClock,
    logger: RecordingLogger,
  ) {
    this.store = store;
    this.timers = timers;
    this.clock = clock;
    this.logger = logger;
    const append = store.append.bind(store);
    store.append = (given) =>
      given.topic === TOPIC && this.refused.has(given.body.toString())
        ? Promise.reject(new MqError('SERVICE_NOT_AVAILABLE', 'refused', { retriable: true }))
        : append(given);
  }

  static async open(options: TimersOptions): Promise<TimersUnderTest> {
    const { files, clock, flushDiskType = 'ASYNC_FLUSH', rollWindowMs = 172_800_000 } = options;
    const logger = new RecordingLogger();
    const store = await openStore(files, { clock, flushDiskType, logger });
    const timers = await Timers.open({
      store,
      files,
      rootDir: ROOT,
      storeHost: () => HOST,
      maxDelayMs: 365 * 86_400_000,
      rollWindowMs,
      queueFor: (_topic, queueId) => queueId,
      clock,
      logger,
    });
    const opened = new TimersUnderTest(store, timers, clock, logger);
    timers.start();
    return opened;
  }

  /** Resolves when the broker would acknowledge it. */
  async park(name: string, property: string, value: number): Promise<void> {
    const given = message(name, {
      topic: TOPIC,
      properties: { [property]: String(value), UNIQ_KEY: name },
    });
    const parked = this.timers.park(given);
    await (parked === undefined ? this.store.append(given) : this.timers.append(parked));
  }

  /** Resolves to false when it is too late. */
  async recall(name: string, outMs: number): Promise<boolean> {
    if (!this.timers.isAwaited(outMs)) return false;
    const given = message('0', {
      topic: TOPIC,
      properties: { TIMER_DEL_UNIQKEY: recallKey(TOPIC, name), UNIQ_KEY: name },
    });
    await this.timers.append(this.timers.parkUntil(given, outMs));
    return true;
  }

  /** Moves the clock and waits until everything due is delivered, or refused. */
  async advance(ms: number): Promise<void> {
    await this.clock.advanceAndSettle(ms);
    await this.timers.settled();
  }

  /** What was delivered, oldest first. */
  async copies(): Promise<Copy[]> {
    const found = await readAll(this.store, TOPIC);
    return found.map(({ body, storeTimestamp }) => ({
      name: body.toString(),
      storedAtMs: storeTimestamp,
    }));
  }

  /** TIMER_OUT_MS by name, of the messages that were parked and not stored anew. */
  async parked(): Promise<Map<string, number>> {
    const found = await readAll(this.store, TIMER_TOPIC);
    return new Map(
      found
        .filter(({ properties }) => !properties.has('TIMER_DEL_UNIQKEY'))
        .map(({ body, properties }) => [body.toString(), Number(properties.get('TIMER_OUT_MS'))]),
    );
  }

  async close(): Promise<void> {
    await this.timers.close();
    await this.store.close();
  }
}

/** A clock for the next life, which goes on where the last one stopped. */
export function nextLife(clock: FakeClock, downMs = 0): FakeClock {
  return new FakeClock(clock.now() + downMs);
}
