import type { OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import { comparePositions, type BinlogPosition } from '../../contracts/order-binlog.ts';
import { isDatabaseUnavailable } from '../../common/database-errors.ts';
import type { Clock } from '../../common/clock.ts';
import { DomainError } from '../../common/errors.ts';
import { MqError } from '../../common/mq.module.ts';
import type { BinlogEvent } from './binlog-events.ts';
import type { FollowerMetrics } from './follower-metrics.ts';
import { Following, type FollowingParts } from './following.ts';
import { Lag } from './lag.ts';
import { backoffMs } from './pause.ts';
import { positionText } from './publisher.ts';
import { SourceAway, StreamFault } from './stream-fault.ts';
import type { StreamState, StreamStatus } from './stream-status.ts';

export interface FollowerParts extends FollowingParts {
  readonly clock: Clock;
  readonly metrics: FollowerMetrics;
}

/**
 * The stream of the order database: follows its binlog for as long as the process lives, whatever goes away meanwhile.
 *
 * Errors: of the start, StreamFault SYNC.SOURCE_SETTINGS when the source answers and its settings are wrong.
 */
export class Follower implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #parts: FollowerParts;
  readonly #stop = new AbortController();
  readonly #lag: Lag;
  /** Ends the pause before the next try, or the following that is under way. */
  #interruption = new AbortController();
  #running: Promise<void> | undefined;
  #following: Following | undefined;
  #state: StreamState = 'STARTING';
  #since: Date;
  #reason: string | undefined;
  #fault: StreamFault | undefined;
  #published: BinlogPosition | undefined;
  #isToBeginAtEnd = false;
  #begunAt: BinlogPosition | undefined;
  #waitingForBegin: ((position: BinlogPosition) => void)[] = [];

  constructor(parts: FollowerParts) {
    this.#parts = parts;
    this.#since = parts.clock.now();
    this.#lag = new Lag(parts.steadyNow, parts.settings.heartbeatMs);
    parts.metrics.watch(() => this.status());
  }

  get name(): string {
    return this.#parts.stream;
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.#checkSource();
    this.#running = this.#run();
  }

  /** Nothing more is sent when this returns; the position is saved. */
  async onApplicationShutdown(): Promise<void> {
    this.#stop.abort();
    this.#interruption.abort();
    await this.#running;
  }

  status(): StreamStatus {
    const published = this.#following?.progress?.position ?? this.#published;
    const state = this.#currentState();
    const waitingCount = this.#following?.publisher?.waitingCount ?? 0;
    return {
      name: this.name,
      state,
      since: this.#since,
      reason: this.#fault?.message ?? this.#awayReason() ?? this.#reason,
      code: this.#fault?.code,
      stoppedAt: this.#fault?.position,
      published,
      waitingCount,
      lagS: this.#lag.seconds({
        nowMs: this.#parts.clock.now().getTime(),
        isFollowing: state === 'FOLLOWING' && waitingCount === 0,
        publishedThroughMs: this.#following?.progress?.publishedThroughMs,
      }),
    };
  }

  /** Tries again now what is stopped or waits; of a stream that follows, nothing changes. */
  resume(): void {
    if (this.#state === 'FOLLOWING' || this.#state === 'STANDBY') return;
    this.#interruption.abort();
  }

  /** Where the stream begins; waits until it is known. A snapshot from now on has no gap to what is published. */
  begun(): Promise<BinlogPosition> {
    if (this.#begunAt !== undefined) return Promise.resolve(this.#begunAt);
    return new Promise((resolve) => this.#waitingForBegin.push(resolve));
  }

  /**
   * Gives up everything between the checkpoint and the present end of the source's binlog, and begins there: for a new
   * snapshot, which has all of it. Waits until that is done, for as long as the source or the broker is away.
   */
  beginAtEnd(): Promise<BinlogPosition> {
    this.#isToBeginAtEnd = true;
    this.#begunAt = undefined;
    this.#interruption.abort();
    return this.begun();
  }

  /** So that whoever starts the service with a source that cannot be followed hears of it at once. */
  async #checkSource(): Promise<void> {
    try {
      await using source = await this.#parts.openSource();
      await source.checkSettings();
    } catch (error) {
      if (!(error instanceof SourceAway)) throw error;
      this.#parts.log.warn('the source is away', { error });
    }
  }

  async #run(): Promise<void> {
    let failureCount = 0;
    while (!this.#stop.signal.aborted) {
      this.#interruption = new AbortController();
      const startedAtMs = this.#parts.steadyNow();
      const error = await this.#followOnce();
      if (error === undefined) continue;
      // What went well for a while has not failed again and again.
      const hasLasted = this.#parts.steadyNow() - startedAtMs > this.#parts.settings.maxBackoffMs;
      failureCount = hasLasted ? 1 : failureCount + 1;
      this.#failed(error);
      const ms = backoffMs(failureCount, this.#parts.settings);
      await this.#parts.pause(ms, this.#interruption.signal);
    }
  }

  async #followOnce(): Promise<unknown> {
    const atEnd = this.#isToBeginAtEnd;
    const following = new Following(
      this.#parts,
      {
        standby: () => this.#enter('STANDBY', 'another process follows'),
        began: (position) => this.#began(position, atEnd),
        read: (event) => this.#read(event),
        published: (changes) => this.#parts.metrics.published(changes),
      },
      this.#interruption.signal,
    );
    this.#following = following;
    try {
      await following.run({ atEnd });
      return undefined;
    } catch (error) {
      return error ?? new Error('following failed for no reason');
    } finally {
      this.#published = following.progress?.position ?? this.#published;
      this.#following = undefined;
    }
  }

  #began(position: BinlogPosition, atEnd: boolean): void {
    this.#published = position;
    if (atEnd) this.#isToBeginAtEnd = false;
    if (!this.#isToBeginAtEnd) {
      this.#begunAt = position;
      for (const resolve of this.#waitingForBegin.splice(0)) resolve(position);
    }
    this.#parts.log.info('following the binlog', { position: positionText(position) });
  }

  #read(event: BinlogEvent): void {
    const progress = this.#following?.progress;
    if (event.type === 'caught-up' && progress?.isAllPublished) this.#lag.caughtUp();
    if (this.#fault !== undefined && !this.#isBehindFault()) return;
    if (this.#fault !== undefined) this.#parts.log.info('the stream is over what stopped it');
    this.#fault = undefined;
    this.#enter('FOLLOWING', undefined);
  }

  #isBehindFault(): boolean {
    const { position } = this.#fault!;
    const progress = this.#following?.progress;
    if (position === undefined || progress === undefined) return progress !== undefined;
    return isPast(progress.position, position);
  }

  #failed(error: unknown): void {
    if (error instanceof StreamFault) return this.#stopped(error);
    if (isPassing(error)) {
      const reason = error instanceof Error ? error.message : String(error);
      if (this.#fault === undefined) this.#enter('WAITING', reason);
      this.#parts.log.warn('the stream waits', { error });
      return;
    }
    const reason = error instanceof Error ? error.message : String(error);
    this.#stopped(new StreamFault('SYNC.UNEXPECTED', reason, { cause: error }));
  }

  #stopped(fault: StreamFault): void {
    this.#fault = fault;
    this.#enter('STOPPED', fault.message);
    this.#parts.metrics.stopped(fault.code);
    this.#parts.log.error('the stream has stopped', {
      code: fault.code,
      reason: fault.message,
      position: fault.position && positionText(fault.position),
      error: fault.cause,
    });
  }

  #enter(state: StreamState, reason: string | undefined): void {
    if (this.#state !== state) this.#since = this.#parts.clock.now();
    this.#state = state;
    this.#reason = reason;
  }

  #currentState(): StreamState {
    if (this.#state === 'FOLLOWING' && this.#awayReason() !== undefined) return 'WAITING';
    return this.#state;
  }

  #awayReason(): string | undefined {
    const [first] = this.#following?.publisher?.failures ?? [];
    if (first === undefined) return undefined;
    const { queue, error } = first;
    return `queue ${queue} takes nothing: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function isPast(position: BinlogPosition, other: BinlogPosition): boolean {
  return comparePositions(position, other) > 0;
}

/** The source, the broker or the own database is away. */
function isPassing(error: unknown): boolean {
  if (error instanceof SourceAway || MqError.is(error)) return true;
  if (error instanceof DomainError) return error.kind === 'unavailable';
  return isDatabaseUnavailable(error);
}
