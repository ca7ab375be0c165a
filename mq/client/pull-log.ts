import { MqError } from '../errors.ts';
import { queueKey, type MessageQueue } from '../protocol/message-queue.ts';
import type { ClientSettings } from './client-options.ts';
import type { FlowControl } from './process-queue.ts';

/** Of a failure that repeats, every so many is logged as a warning. */
const WARN_EVERY = 20;
/** How often it is logged, at most, that a queue may hold no more. */
const FLOW_CONTROL_LOG_MS = 10_000;

/** Normal in a consumer's first seconds, when a pull arrives before the heartbeat that announces the subscription. */
const startUpCodes: ReadonlySet<string> = new Set([
  'SUBSCRIPTION_NOT_EXIST',
  'SUBSCRIPTION_NOT_LATEST',
  'FILTER_DATA_NOT_LATEST',
]);

/** What is said of pulling one queue: of what repeats, now and then. */
export class PullLog {
  readonly #settings: ClientSettings;
  readonly #queue: string;
  #failureCount = 0;
  /** How often a pull was put off, and when that was last logged. */
  #flowControlCount = 0;
  #flowControlToldMs = -Infinity;

  constructor(settings: ClientSettings, queue: MessageQueue) {
    this.#settings = settings;
    this.#queue = queueKey(queue);
  }

  succeeded(): void {
    this.#failureCount = 0;
  }

  failed(error: unknown): void {
    const isStartUp = MqError.is(error) && startUpCodes.has(error.code);
    // Heartbeats come every 30 s: what lasts longer is no start-up any more.
    const isRoutine = isStartUp && this.#failureCount === 0;
    const isNews = this.#failureCount++ % WARN_EVERY === 0;
    this.#settings.logger[isNews && !isRoutine ? 'warn' : 'debug']('cannot pull from a queue', {
      queue: this.#queue,
      failures: this.#failureCount,
      error: MqError.is(error) ? error.message : error,
    });
  }

  /** It is looked at often while it lasts. */
  holdsEnough(flowControl: FlowControl): void {
    const { clock, logger } = this.#settings;
    this.#flowControlCount++;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#flowControlToldMs < FLOW_CONTROL_LOG_MS) return;
    this.#flowControlToldMs = nowMs;
    logger.debug('fetches no more of a queue until its listeners have caught up', {
      queue: this.#queue,
      ...flowControl,
      times: this.#flowControlCount,
    });
  }
}
