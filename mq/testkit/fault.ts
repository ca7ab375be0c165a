import { systemClock } from '../clock.ts';
import { MqError } from '../errors.ts';
import { isOneway, type RemotingCommand } from '../protocol/frame.ts';
import { assertTopicName } from '../protocol/names.ts';
import { RequestCode } from '../protocol/request-code.ts';
import { assertCount, assertTimeout, type WaitOptions } from './waiting.ts';

/** Requests that a fault may strike, by name; a name stands for every form of the request on the wire. */
const codesOf = {
  SEND_MESSAGE: [
    RequestCode.SEND_MESSAGE,
    RequestCode.SEND_MESSAGE_V2,
    RequestCode.SEND_BATCH_MESSAGE,
  ],
  PULL_MESSAGE: [RequestCode.PULL_MESSAGE, RequestCode.LITE_PULL_MESSAGE],
  POP_MESSAGE: [RequestCode.POP_MESSAGE],
  ACK_MESSAGE: [RequestCode.ACK_MESSAGE, RequestCode.BATCH_ACK_MESSAGE],
  CHANGE_MESSAGE_INVISIBLETIME: [RequestCode.CHANGE_MESSAGE_INVISIBLETIME],
  CONSUMER_SEND_MSG_BACK: [RequestCode.CONSUMER_SEND_MSG_BACK],
  END_TRANSACTION: [RequestCode.END_TRANSACTION],
  RECALL_MESSAGE: [RequestCode.RECALL_MESSAGE],
  QUERY_CONSUMER_OFFSET: [RequestCode.QUERY_CONSUMER_OFFSET],
  UPDATE_CONSUMER_OFFSET: [RequestCode.UPDATE_CONSUMER_OFFSET],
  GET_CONSUMER_LIST_BY_GROUP: [RequestCode.GET_CONSUMER_LIST_BY_GROUP],
  LOCK_BATCH_MQ: [RequestCode.LOCK_BATCH_MQ],
  UNLOCK_BATCH_MQ: [RequestCode.UNLOCK_BATCH_MQ],
  HEART_BEAT: [RequestCode.HEART_BEAT],
} as const satisfies Readonly<Record<string, readonly RequestCode[]>>;

export type FaultyRequest = keyof typeof codesOf;

/** Of a request that names its topic: the header field it is in. */
const topicFields: ReadonlyMap<number, string> = new Map<RequestCode, string>([
  [RequestCode.SEND_MESSAGE, 'topic'],
  [RequestCode.SEND_MESSAGE_V2, 'b'],
  [RequestCode.SEND_BATCH_MESSAGE, 'b'],
  [RequestCode.PULL_MESSAGE, 'topic'],
  [RequestCode.LITE_PULL_MESSAGE, 'topic'],
  [RequestCode.POP_MESSAGE, 'topic'],
  [RequestCode.ACK_MESSAGE, 'topic'],
  [RequestCode.CHANGE_MESSAGE_INVISIBLETIME, 'topic'],
  [RequestCode.CONSUMER_SEND_MSG_BACK, 'originTopic'],
  [RequestCode.END_TRANSACTION, 'topic'],
  [RequestCode.RECALL_MESSAGE, 'topic'],
  [RequestCode.QUERY_CONSUMER_OFFSET, 'topic'],
  [RequestCode.UPDATE_CONSUMER_OFFSET, 'topic'],
]);

/** Which requests a fault strikes. */
export interface FaultScope {
  /** Requests about this topic only. A BATCH_ACK_MESSAGE, and an END_TRANSACTION of a 4.x client, names none and is not struck then. */
  topic?: string | undefined;
  /** Ends the fault after so many requests. Default: it ends when it is disposed of. */
  times?: number | undefined;
}

/**
 * A fault that is switched on. `using fault = mq.faults.refuseSends()` ends it with the block it stands in.
 */
export interface Fault extends Disposable {
  /** How many requests it has struck. */
  readonly count: number;
  readonly isOver: boolean;
  /**
   * Resolves when it has struck so many requests.
   *
   * Errors: INVALID_ARGUMENT when it will not strike so many, or is ended before; REQUEST_TIMEOUT saying how many it struck.
   */
  struck(count?: number, options?: WaitOptions): Promise<void>;
  end(): void;
}

/** What becomes of a request that is struck. */
export type Effect =
  | { readonly type: 'dropBefore' }
  | { readonly type: 'lose' }
  | { readonly type: 'refuse'; readonly error: MqError }
  | { readonly type: 'flushTimeout' }
  | { readonly type: 'delay'; readonly delayMs: number }
  | { readonly type: 'dropAfter' };

export type EffectType = Effect['type'];

/** Without a reply these have nothing to strike. */
const onReplies: ReadonlySet<EffectType> = new Set(['flushTimeout', 'delay']);

export class ActiveFault implements Fault {
  readonly effect: Effect;
  readonly #codes: ReadonlySet<number>;
  readonly #topic: string | undefined;
  readonly #times: number;
  readonly #timeoutMs: number;
  /** What looks whether its wait is over. */
  readonly #waiting = new Set<() => void>();
  readonly #onEnd: (fault: ActiveFault) => void;
  #count = 0;
  #isEnded = false;

  /** Errors: INVALID_ARGUMENT for what would never strike. */
  constructor(
    effect: Effect,
    { topic, times }: FaultScope,
    requests: FaultyRequest | readonly FaultyRequest[],
    { timeoutMs, onEnd }: { timeoutMs: number; onEnd: (fault: ActiveFault) => void },
  ) {
    this.effect = effect;
    this.#timeoutMs = timeoutMs;
    this.#onEnd = onEnd;
    const names = typeof requests === 'string' ? [requests] : requests;
    const codes = names.flatMap(codesNamed);
    if (codes.length === 0) throw new MqError('INVALID_ARGUMENT', 'the fault names no request');
    if (topic !== undefined && !codes.some((code) => topicFields.has(code))) {
      throw new MqError('INVALID_ARGUMENT', `${names.join(', ')} is about no topic: leave it out`);
    }
    if (topic !== undefined) assertTopicName(topic);
    if (times !== undefined) assertCount('times', times, 1);
    this.#codes = new Set(codes);
    this.#topic = topic;
    this.#times = times ?? Infinity;
  }

  get count(): number {
    return this.#count;
  }

  /** Switched off, however often it may strike. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  get isOver(): boolean {
    return this.#isEnded || this.#count >= this.#times;
  }

  /** Strikes a request if it is one of those meant, and says whether it did. */
  strike(request: RemotingCommand): boolean {
    if (this.isOver || !this.#isMeant(request)) return false;
    this.#count++;
    for (const look of this.#waiting) look();
    return true;
  }

  struck(count?: number, options?: WaitOptions): Promise<void> {
    const struck = this.#struck(count, options);
    // A test that fails before it comes to await this is to show its own error, not end by an unhandled rejection.
    struck.catch(() => undefined);
    return struck;
  }

  end(): void {
    this.#isEnded = true;
    for (const look of this.#waiting) look();
    this.#onEnd(this);
  }

  [Symbol.dispose](): void {
    this.end();
  }

  /** Not by polling: what the test does next is done before the client hears of the request that was struck. */
  async #struck(count = 1, { timeoutMs = this.#timeoutMs }: WaitOptions = {}): Promise<void> {
    assertCount('count', count, 0);
    assertTimeout(timeoutMs);
    const hopeless = this.#hopeless(count);
    if (hopeless !== undefined) throw hopeless;
    if (this.#count >= count) return;
    await new Promise<void>((resolve, reject) => {
      const settle = (error?: MqError): void => {
        systemClock.clearTimeout(timer);
        this.#waiting.delete(look);
        if (error === undefined) resolve();
        else reject(error);
      };
      const look = (): void => {
        const hopeless = this.#hopeless(count);
        if (hopeless !== undefined || this.#count >= count) settle(hopeless);
      };
      const timer = systemClock.setTimeout(() => {
        const what = `the fault has struck ${this.#count} requests, not ${count}`;
        settle(new MqError('REQUEST_TIMEOUT', `${what}, after ${timeoutMs} ms`));
      }, timeoutMs);
      this.#waiting.add(look);
    });
  }

  /** When it will never have struck so many. */
  #hopeless(count: number): MqError | undefined {
    if (this.#count >= count || (!this.#isEnded && count <= this.#times)) return undefined;
    const why = this.#isEnded ? 'it is ended' : `it strikes at most ${this.#times}`;
    return new MqError(
      'INVALID_ARGUMENT',
      `the fault has struck ${this.#count} requests and will not strike ${count}: ${why}`,
    );
  }

  #isMeant(request: RemotingCommand): boolean {
    if (!this.#codes.has(request.code)) return false;
    if (isOneway(request) && onReplies.has(this.effect.type)) return false;
    if (this.#topic === undefined) return true;
    const field = topicFields.get(request.code);
    return field !== undefined && request.extFields?.[field] === this.#topic;
  }
}

function codesNamed(name: FaultyRequest): readonly number[] {
  const codes: readonly number[] | undefined = codesOf[name];
  if (codes !== undefined) return codes;
  const known = Object.keys(codesOf).join(', ');
  throw new MqError('INVALID_ARGUMENT', `${name} is none of ${known}`);
}
