import { setTimeout as delay } from 'node:timers/promises';
import type { Answer, Endpoint, Flow, Request, Visitor } from '../scenario.ts';
import type { Exchange, Origin } from './connection.ts';
import type { HttpClient } from './http-client.ts';
import { RequestWriter } from './request-text.ts';
import { Tally } from './tally.ts';

/** Ends a visit whose failure is counted already. One for all: to make an error costs more than to send a request. */
const visitEnded = new Error('the visit has ended');

/** Of the endpoints a scenario uses, as this process sends to them. */
interface Target {
  readonly endpoint: Endpoint;
  readonly writer: RequestWriter;
}

export interface VisitsOptions {
  readonly flow: Flow;
  readonly client: Pick<HttpClient, 'send'>;
  readonly origins: Readonly<Record<string, Origin>>;
  readonly isWarmUp: boolean;
  readonly seed: number;
  nowMs(): number;
}

/** The visits of one phase in one process, and what they came to. */
export class Visits {
  /** Since it was cleared last. */
  readonly tally = new Tally();
  readonly #options: VisitsOptions;
  readonly #targets = new Map<Endpoint, Target>();
  #underWay = 0;
  #inFlight = 0;
  #problem: string | undefined;
  #onEmpty: () => void = () => undefined;

  constructor(options: VisitsOptions) {
    this.#options = options;
  }

  get underWay(): number {
    return this.#underWay;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Of the first visit that ended by an error of its own, its flow's. */
  get problem(): string | undefined {
    return this.#problem;
  }

  begin(number: number, dueMs: number): void {
    this.#underWay += 1;
    this.tally.lag.record(this.#options.nowMs() - dueMs);
    const visit = new Visit(this, number, dueMs, this.#options.seed);
    this.#options.flow(visit).then(
      () => this.#onEnd(),
      (error: unknown) => {
        if (error !== visitEnded) this.#onFlowError(error);
        this.#onEnd();
      },
    );
  }

  /** Settles when nobody is in the shop any more. */
  untilEmpty(): Promise<void> {
    return new Promise((resolve) => {
      this.#onEmpty = resolve;
      if (this.#underWay === 0) resolve();
    });
  }

  get isWarmUp(): boolean {
    return this.#options.isWarmUp;
  }

  nowMs(): number {
    return this.#options.nowMs();
  }

  send(endpoint: Endpoint, request: Request, startedMs: number): Promise<Answer> {
    const { writer } = this.#targets.get(endpoint) ?? this.#target(endpoint);
    const { text, isAscii } = writer.write(request);
    this.tally.sent += 1;
    this.#inFlight += 1;
    return new Promise((resolve, reject) => {
      const exchange = new VisitExchange(this, endpoint, startedMs, resolve, reject);
      this.#options.client.send(endpoint.service, text, isAscii, exchange);
    });
  }

  onAnswered(endpoint: Endpoint, ms: number): void {
    this.#inFlight -= 1;
    this.tally.onAnswered(endpoint.name, ms);
  }

  onFailed(endpoint: Endpoint, kind: string): void {
    this.#inFlight -= 1;
    this.tally.onFailed(endpoint.name, kind);
  }

  #target(endpoint: Endpoint): Target {
    const origin = this.#options.origins[endpoint.service];
    if (origin === undefined) {
      const known = Object.keys(this.#options.origins).join(', ');
      throw new RangeError(`${endpoint.name}.service is ${endpoint.service}, there are ${known}`);
    }
    const target = { endpoint, writer: new RequestWriter(endpoint, origin) };
    this.#targets.set(endpoint, target);
    return target;
  }

  #onFlowError(error: unknown): void {
    this.tally.onError(error instanceof BodyError ? 'body' : 'flow');
    this.#problem ??= error instanceof Error ? (error.stack ?? error.message) : String(error);
  }

  #onEnd(): void {
    this.tally.visitsEnded += 1;
    this.#underWay -= 1;
    if (this.#underWay === 0) this.#onEmpty();
  }
}

class Visit implements Visitor {
  readonly number: number;
  readonly #visits: Visits;
  readonly #cameMs: number;
  /** Until the first request has gone. */
  #dueMs: number | undefined;
  #randomState: number;

  constructor(visits: Visits, number: number, dueMs: number, seed: number) {
    this.#visits = visits;
    this.number = number;
    this.#cameMs = dueMs;
    this.#dueMs = dueMs;
    // Neighbours must not begin with neighbouring numbers.
    this.#randomState = Math.imul(seed ^ Math.imul(number + 1, 0x9e3779b1), 0x85ebca6b);
  }

  get isWarmUp(): boolean {
    return this.#visits.isWarmUp;
  }

  send(endpoint: Endpoint, request: Request = {}): Promise<Answer> {
    const startedMs = this.#dueMs ?? this.#visits.nowMs();
    this.#dueMs = undefined;
    return this.#visits.send(endpoint, request, startedMs);
  }

  /** By mulberry32. */
  random(): number {
    this.#randomState = (this.#randomState + 0x6d2b79f5) | 0;
    const state = this.#randomState;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  async pause(seconds: number): Promise<void> {
    this.#dueMs = undefined;
    await delay(seconds * 1_000);
  }

  count(name: string): void {
    this.#visits.tally.count(name);
  }

  mark(name: string): void {
    this.#visits.tally.mark(name, this.#visits.nowMs() - this.#cameMs);
  }

  keep(list: string, value: string): void {
    this.#visits.tally.keep(list, value);
  }
}

class VisitExchange implements Exchange {
  readonly startedMs: number;
  readonly #visits: Visits;
  readonly #endpoint: Endpoint;
  readonly #resolve: (answer: Answer) => void;
  readonly #reject: (error: Error) => void;
  isOver = false;

  constructor(
    visits: Visits,
    endpoint: Endpoint,
    startedMs: number,
    resolve: (answer: Answer) => void,
    reject: (error: Error) => void,
  ) {
    this.#visits = visits;
    this.#endpoint = endpoint;
    this.startedMs = startedMs;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  onAnswer(status: number, body: string): void {
    if (!this.#endpoint.answers.includes(status)) {
      this.onFailure(`status_${status}`);
      return;
    }
    this.isOver = true;
    this.#visits.onAnswered(this.#endpoint, this.#visits.nowMs() - this.startedMs);
    this.#resolve(new HttpAnswer(status, body));
  }

  onFailure(kind: string): void {
    this.isOver = true;
    this.#visits.onFailed(this.#endpoint, kind);
    this.#reject(visitEnded);
  }
}

class BodyError extends Error {
  override readonly name = 'BodyError';
}

class HttpAnswer implements Answer {
  readonly status: number;
  readonly text: string;

  constructor(status: number, text: string) {
    this.status = status;
    this.text = text;
  }

  json(): unknown {
    try {
      return JSON.parse(this.text) as unknown;
    } catch (cause) {
      throw new BodyError(`the body of a ${this.status} is no JSON: ${this.text.slice(0, 80)}`, {
        cause,
      });
    }
  }
}
