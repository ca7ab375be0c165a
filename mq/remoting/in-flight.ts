import type { Clock, TimerHandle } from '../clock.ts';
import { MqError } from '../errors.ts';
import type { RemotingCommand } from '../protocol/frame.ts';
import type { RequestOptions } from './connection.ts';
import { RequestStage } from './request-stage.ts';

interface Waiter {
  label: string;
  timeoutMs: number;
  deadlineMs: number;
  /** Where its frame ends in the stream of bytes to the peer. */
  endsAt: number;
  resolve: (reply: RemotingCommand) => void;
  reject: (error: MqError) => void;
  stopListening: (() => void) | undefined;
}

/** Bytes handed over for the peer so far, and those that the kernel has not taken. */
export interface SentBytes {
  readonly addedBytes: number;
  readonly unsentBytes: number;
}

/** Requests that expire within this span of each other share one sweep. */
const SWEEP_GRAIN_MS = 5;

/**
 * The requests of one connection that await their reply, by opaque.
 *
 * One timer serves them all. It is armed for the earliest deadline and moved only when an earlier one
 * comes in, so that steady traffic with one timeout arms it about once per timeout and not per request.
 */
export class InFlight {
  readonly #clock: Clock;
  readonly #onTimeout: () => void;
  readonly #sent: SentBytes;
  readonly #waiters = new Map<number, Waiter>();
  #lastOpaque: number;
  #timer: TimerHandle | undefined;
  #armedForMs = Infinity;

  constructor(clock: Clock, sent: SentBytes, onTimeout: () => void, lastOpaque = 0) {
    this.#clock = clock;
    this.#sent = sent;
    this.#onTimeout = onTimeout;
    this.#lastOpaque = lastOpaque;
  }

  get size(): number {
    return this.#waiters.size;
  }

  /** An opaque no waiting request uses. It is an int32 and wraps to the negative ones. */
  nextOpaque(): number {
    do this.#lastOpaque = (this.#lastOpaque + 1) | 0;
    while (this.#waiters.has(this.#lastOpaque));
    return this.#lastOpaque;
  }

  /**
   * Waits for the reply to the request whose frame was handed over last. `label` says in an error what was asked of whom.
   *
   * Errors: REQUEST_TIMEOUT, REQUEST_ABORTED, or what `rejectAll` is given. All leave open whether the peer acted.
   */
  wait(opaque: number, label: string, options: RequestOptions): Promise<RemotingCommand> {
    return new Promise((resolve, reject) => {
      const { timeoutMs, signal } = options;
      const waiter: Waiter = {
        label,
        timeoutMs,
        deadlineMs: this.#clock.monotonicMs() + timeoutMs,
        endsAt: this.#sent.addedBytes,
        resolve,
        reject,
        stopListening: undefined,
      };
      if (signal) waiter.stopListening = this.#listenForAbort(opaque, signal);
      this.#waiters.set(opaque, waiter);
      if (waiter.deadlineMs < this.#armedForMs) this.#arm(waiter.deadlineMs);
    });
  }

  /** False when nobody waits for this opaque: the reply is late, repeated or was never asked for. */
  settle(reply: RemotingCommand): boolean {
    const waiter = this.#take(reply.opaque);
    waiter?.resolve(reply);
    return waiter !== undefined;
  }

  /** Fails every waiting request, each with an error of its own made from its label. */
  rejectAll(errorFor: (label: string) => MqError): void {
    this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#armedForMs = Infinity;
    for (const opaque of this.#waiters.keys()) {
      const waiter = this.#take(opaque);
      waiter?.reject(errorFor(waiter.label));
    }
  }

  #listenForAbort(opaque: number, signal: AbortSignal): () => void {
    const onAbort = (): void => {
      const waiter = this.#take(opaque);
      waiter?.reject(requestAborted(waiter.label, signal));
    };
    signal.addEventListener('abort', onAbort, { once: true });
    return () => signal.removeEventListener('abort', onAbort);
  }

  #take(opaque: number): Waiter | undefined {
    const waiter = this.#waiters.get(opaque);
    if (!waiter) return undefined;
    this.#waiters.delete(opaque);
    waiter.stopListening?.();
    return waiter;
  }

  #timedOut({ label, timeoutMs, endsAt }: Waiter): MqError {
    const { addedBytes, unsentBytes } = this.#sent;
    return endsAt > addedBytes - unsentBytes
      ? requestTimedOut(label, timeoutMs, RequestStage.SOCKET, unsentBytes)
      : requestTimedOut(label, timeoutMs, RequestStage.ANSWER);
  }

  #arm(deadlineMs: number): void {
    this.#clock.clearTimeout(this.#timer);
    this.#armedForMs = deadlineMs;
    const delayMs = Math.max(deadlineMs - this.#clock.monotonicMs(), SWEEP_GRAIN_MS);
    this.#timer = this.#clock.setTimeout(() => this.#sweep(), Math.ceil(delayMs));
    // Alone, the deadline of a request keeps no process alive; its socket does.
    this.#timer.unref();
  }

  #sweep(): void {
    const nowMs = this.#clock.monotonicMs();
    this.#timer = undefined;
    this.#armedForMs = Infinity;
    let earliestMs = Infinity;
    let expiredCount = 0;
    for (const [opaque, waiter] of this.#waiters) {
      if (waiter.deadlineMs <= nowMs) {
        this.#take(opaque);
        expiredCount++;
        waiter.reject(this.#timedOut(waiter));
      } else if (waiter.deadlineMs < earliestMs) {
        earliestMs = waiter.deadlineMs;
      }
    }
    if (earliestMs < Infinity) this.#arm(earliestMs);
    if (expiredCount > 0) this.#onTimeout();
  }
}

export function requestTimedOut(
  label: string,
  timeoutMs: number,
  stage: string,
  unsentBytes?: number,
): MqError {
  const where =
    stage === RequestStage.ANSWER
      ? ''
      : `: ${stage}${unsentBytes === undefined ? '' : `, ${unsentBytes} bytes are not sent`}`;
  return new MqError(
    'REQUEST_TIMEOUT',
    `no reply to ${label} within ${Math.round(timeoutMs)} ms${where}`,
    {
      retriable: true,
      details: { timeoutMs, stage, ...(unsentBytes !== undefined && { unsentBytes }) },
    },
  );
}

export function requestAborted(label: string, signal: AbortSignal): MqError {
  return new MqError('REQUEST_ABORTED', `${label} was aborted by its caller`, {
    retriable: true,
    cause: signal.reason,
  });
}
