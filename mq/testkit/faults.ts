import type { Clock } from '../clock.ts';
import { MqError } from '../errors.ts';
import { isOneway, type RemotingCommand } from '../protocol/frame.ts';
import { describeRequestCode } from '../protocol/request-code.ts';
import { ResponseCode, type ResponseCodeName } from '../protocol/response-code.ts';
import type { Connection } from '../remoting/connection.ts';
import type { Intercept, Reply } from '../remoting/processor.ts';
import { parseDuration, type Duration } from './duration.ts';
import {
  ActiveFault,
  type Effect,
  type EffectType,
  type Fault,
  type FaultScope,
  type FaultyRequest,
} from './fault.ts';

export interface RefuseOptions extends FaultScope {
  /** What the broker answers. Default: SYSTEM_BUSY, after which a producer tries another broker. */
  code?: ResponseCodeName | undefined;
}

export interface ReplyFaultOptions extends FaultScope {
  /** Default: SEND_MESSAGE, in all its forms. */
  request?: FaultyRequest | readonly FaultyRequest[] | undefined;
}

export interface DropOptions extends ReplyFaultOptions {
  /**
   * `beforeStored`: the broker does nothing. `afterStored`: it does what was asked, and the client never learns. Default:
   * `beforeStored`.
   */
  when?: 'beforeStored' | 'afterStored' | undefined;
}

/** Answers that say: the message is stored. */
const storedCodes: ReadonlySet<number> = new Set([
  ResponseCode.SUCCESS,
  ResponseCode.FLUSH_DISK_TIMEOUT,
  ResponseCode.SLAVE_NOT_AVAILABLE,
  ResponseCode.FLUSH_SLAVE_TIMEOUT,
]);

/** A reply that waits for its delay to pass. */
interface HeldUp {
  readonly fault: ActiveFault;
  readonly release: () => void;
}

/**
 * The ways a broker lets its clients down, to be switched on by a test.
 *
 * Faults may be on at the same time. A request first meets those that keep the broker from acting, of which one strikes
 * it; what the broker did then meets the others: each delay adds to the wait, and the connection drops last.
 */
export class Faults {
  readonly #clock: Clock;
  /** How long `struck` waits unless told otherwise. */
  readonly #timeoutMs: number;
  readonly #faults = new Set<ActiveFault>();
  readonly #heldUp = new Set<HeldUp>();
  #letGoCount = 0;

  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  /** Sends are answered with an error and not stored: single ones, batches, oneway ones, half messages. */
  refuseSends(options: RefuseOptions = {}): Fault {
    return this.refuse('SEND_MESSAGE', options);
  }

  /** Requests of this kind are answered with an error and not acted upon. Errors: INVALID_ARGUMENT. */
  refuse(
    request: FaultyRequest | readonly FaultyRequest[],
    { code = 'SYSTEM_BUSY', ...scope }: RefuseOptions = {},
  ): Fault {
    if (!(code in ResponseCode)) {
      throw new MqError(
        'INVALID_ARGUMENT',
        `code is ${code}, which is the name of no ResponseCode`,
      );
    }
    if (storedCodes.has(ResponseCode[code])) {
      throw new MqError('INVALID_ARGUMENT', `code is ${code}, which says that it was not refused`);
    }
    const error = new MqError(code, 'refused by a fault that the test has switched on');
    return this.#switchOn({ type: 'refuse', error }, scope, request);
  }

  /** The broker acts at once and answers later, in real time. Errors: INVALID_ARGUMENT. */
  delayReplies(
    delay: Duration,
    { request = 'SEND_MESSAGE', ...scope }: ReplyFaultOptions = {},
  ): Fault {
    return this.#switchOn({ type: 'delay', delayMs: parseDuration(delay) }, scope, request);
  }

  /**
   * The client's connection breaks instead of bringing an answer. Clients reconnect, and cannot know whether the
   * broker acted: `afterStored` is how a message comes to be sent twice. Errors: INVALID_ARGUMENT.
   */
  dropConnections({
    when = 'beforeStored',
    request = 'SEND_MESSAGE',
    ...scope
  }: DropOptions = {}): Fault {
    if (when !== 'beforeStored' && when !== 'afterStored') {
      throw new MqError(
        'INVALID_ARGUMENT',
        `when is ${String(when)}, not beforeStored or afterStored`,
      );
    }
    const type = when === 'beforeStored' ? 'dropBefore' : 'dropAfter';
    return this.#switchOn({ type }, scope, request);
  }

  /** Sends are stored and answered FLUSH_DISK_TIMEOUT, as by a disk that is too slow. */
  flushDiskTimeout(scope: FaultScope = {}): Fault {
    return this.#switchOn({ type: 'flushTimeout' }, scope, 'SEND_MESSAGE');
  }

  /**
   * What a producer says at the end of a local transaction, or in answer to a check, does not arrive: the half message
   * stays until the broker asks.
   */
  loseEndTransactions(scope: FaultScope = {}): Fault {
    return this.#switchOn({ type: 'lose' }, scope, 'END_TRANSACTION');
  }

  /** Ends every fault. */
  endAll(): void {
    for (const fault of this.#faults) fault.end();
  }

  /** Sends the replies that are held up, so that a broker that closes need not wait for them. */
  letGo(): void {
    this.#letGoCount++;
    for (const { release } of this.#heldUp) release();
  }

  /** For the broker to call. */
  readonly intercept: Intercept = (request, connection, next) => {
    if (this.#faults.size === 0) return next(request, connection);
    const isDropped = this.#strike('dropBefore', request) !== undefined;
    const isLost = !isDropped && this.#strike('lose', request) !== undefined;
    if (isDropped || (isLost && !isOneway(request))) {
      // A request that asks for a reply and is lost is one whose connection broke.
      this.#drop(request, connection);
      return undefined;
    }
    return isLost ? undefined : this.#answer(request, connection, next);
  };

  #switchOn(
    effect: Effect,
    scope: FaultScope,
    request: FaultyRequest | readonly FaultyRequest[],
  ): Fault {
    const fault: ActiveFault = new ActiveFault(effect, scope, request, {
      timeoutMs: this.#timeoutMs,
      onEnd: () => this.#ended(fault),
    });
    this.#faults.add(fault);
    return fault;
  }

  #ended(fault: ActiveFault): void {
    this.#faults.delete(fault);
    for (const heldUp of this.#heldUp) if (heldUp.fault === fault) heldUp.release();
  }

  /** The first fault of this type that strikes the request. */
  #strike<T extends EffectType>(
    type: T,
    request: RemotingCommand,
  ): (ActiveFault & { effect: { type: T } }) | undefined {
    for (const fault of this.#faults) {
      if (fault.isOver) this.#faults.delete(fault);
      else if (isOfType(fault, type) && fault.strike(request)) return fault;
    }
    return undefined;
  }

  /** Calls `next` before it first waits: the requests of a connection are served in their order. */
  async #answer(
    request: RemotingCommand,
    connection: Connection,
    next: Parameters<Intercept>[2],
  ): Promise<Reply | undefined> {
    const refusal = this.#strike('refuse', request);
    const [outcome] = await Promise.allSettled([
      refusal === undefined
        ? (async () => next(request, connection))()
        : Promise.reject(refusal.effect.error),
    ]);
    let reply = outcome.status === 'fulfilled' ? outcome.value : undefined;
    const isDone = outcome.status === 'fulfilled' && reply?.code !== ResponseCode.SYSTEM_ERROR;
    if (reply?.code === ResponseCode.SUCCESS && this.#strike('flushTimeout', request)) {
      const remark = 'stored, but said to be not flushed by a fault that the test has switched on';
      reply = { ...reply, code: ResponseCode.FLUSH_DISK_TIMEOUT, remark };
    }
    await this.#delayed(request);
    if (isDone && this.#strike('dropAfter', request)) this.#drop(request, connection);
    if (outcome.status === 'rejected') throw outcome.reason;
    return reply;
  }

  /** Waits for every delay that strikes, one after the other. */
  async #delayed(request: RemotingCommand): Promise<void> {
    const delays = [...this.#faults].filter((fault) => fault.effect.type === 'delay');
    const letGoCount = this.#letGoCount;
    for (const fault of delays.filter((delay) => delay.strike(request))) {
      // Neither was there to be released while an earlier delay went on.
      if (!fault.isEnded && this.#letGoCount === letGoCount) await this.#holdUp(fault);
    }
  }

  async #holdUp(fault: ActiveFault): Promise<void> {
    if (fault.effect.type !== 'delay') return;
    const { delayMs } = fault.effect;
    await new Promise<void>((resolve) => {
      const release = (): void => {
        this.#clock.clearTimeout(timer);
        this.#heldUp.delete(heldUp);
        resolve();
      };
      const timer = this.#clock.setTimeout(release, delayMs);
      const heldUp = { fault, release };
      this.#heldUp.add(heldUp);
    });
  }

  #drop(request: RemotingCommand, connection: Connection): void {
    const what = `${describeRequestCode(request.code)} was struck by a fault that the test has switched on`;
    connection.destroy(new MqError('CONNECTION_CLOSED', what, { retriable: true }));
  }
}

function isOfType<T extends EffectType>(
  fault: ActiveFault,
  type: T,
): fault is ActiveFault & { effect: { type: T } } {
  return fault.effect.type === type;
}
