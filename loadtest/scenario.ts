import type { ArrivalStage } from './generator/arrivals.ts';

/** What may be typed behind a scenario's name; a scenario says what each is when it is not. */
export interface Flags {
  /** Visitors a second: of a ramp, at its highest. */
  readonly ratePerS: number;
  readonly durationS: number;
  /** Pieces for sale; only for scenarios that sell something scarce. */
  readonly stock: number;
  /** What visitors choose by chance they choose again under the same seed. */
  readonly seed: number;
}

/** One interface of the shop, as its figures are kept: so many requests a second, so long each. */
export interface Endpoint {
  /** Of its figures, `place.p99_ms`: lower case letters, digits and -. */
  readonly name: string;
  /** A key of `urls`. */
  readonly service: string;
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  /** Status codes that are answers, also "sold out". Any other is an error of the kind `status_503`. */
  readonly answers: readonly number[];
}

export interface Request {
  /** Instead of the endpoint's own path: with the number of an order in it. */
  readonly path?: string;
  readonly bearer?: string;
  readonly idempotencyKey?: string;
  /** Sent as JSON. */
  readonly body?: object;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
  /** Errors: ends the visit, counted under the kind `body`, when it is no JSON. */
  json(): unknown;
}

/** Somebody who comes to the shop once. Visitors know nothing of each other, and come whether the shop keeps up or not. */
export interface Visitor {
  /** From 0, in the order they come; in a warm-up, too. */
  readonly number: number;
  readonly isWarmUp: boolean;
  /**
   * Sends one request and waits for the answer.
   *
   * Units:  the latency of a visitor's first request counts from when they were due, of a later one from this call.
   * Errors: no answer, or none of those the endpoint has, ends the visit: counted, and never retried.
   */
  send(endpoint: Endpoint, request?: Request): Promise<Answer>;
  /** In [0, 1): the same for the same visitor under the same seed. */
  random(): number;
  /** Thinks for so long. */
  pause(seconds: number): Promise<void>;
  /** Counts an outcome under a name, `accepted` for one. Of a warm-up nothing is counted or kept. */
  count(name: string): void;
  /** Notes how long it is since they were due, under a name: of a visit of several requests, how long it took as a whole. */
  mark(name: string): void;
  /** Keeps what the shop has promised, a ticket's number for one, so that it can be held against the database at the end. */
  keep(list: string, value: string): void;
}

/** What a scenario may use when it sets the stage: the running shop, before anybody comes. */
export interface Stage {
  readonly urls: Readonly<Record<string, string>>;
  readonly customerTokenSecret: string;
  /** Sends JSON and gives the answer's. Errors: the status and what the service says, when it is not 2xx. */
  call<T>(
    method: 'GET' | 'POST' | 'PUT',
    service: string,
    path: string,
    body?: object,
    idempotencyKey?: string,
  ): Promise<T>;
  readonly query: <T>(sql: string, values?: readonly unknown[]) => Promise<T[]>;
}

/** What the flow of a scenario is made of, in each process that sends. */
export interface FlowContext<Ground> {
  readonly ground: Ground;
  readonly flags: Flags;
  readonly customerTokenSecret: string;
  /** Makes something for each visitor before the first one comes, so that it costs nothing while they do. */
  readonly beforehand: <T>(make: (visitorNumber: number) => T) => (visitorNumber: number) => T;
}

export type Flow = (visitor: Visitor) => Promise<void>;

/** Rows whose number a second is the plateau: what the system has really done of what came in. */
export interface PersistedRows {
  /** One row with one column, `count`. */
  readonly countSql: string;
  readonly values?: readonly unknown[];
}

export interface Backlog {
  readonly group: string;
  readonly topic: string;
}

/** What the database says at the end, when everything has come to rest. */
export interface Proof {
  readonly persisted: number;
  readonly oversold: number;
  /** Promised and not there. */
  readonly lost: number;
  /** There more often than promised, or for more than was asked. */
  readonly duplicated: number;
}

/** `'<= 50'`, `'== 0'`: a comparison and a number. */
export type Threshold = string;

/**
 * One kind of load: who comes when, what each of them does, and what must hold.
 *
 * Shape: `setUp` runs once, where the command runs, and what it returns, the ground, goes as JSON to each process that
 *        sends. There `flow` is called once and returns what every visitor does.
 */
export interface Scenario<Ground = unknown> {
  readonly name: string;
  /** One line of --help. */
  readonly about: string;
  readonly defaults: Flags;
  arrivals(flags: Flags): readonly ArrivalStage[];
  /** Comes first and is not measured: a process just started compiles its code while it runs. */
  warmUp?(flags: Flags): readonly ArrivalStage[];
  /** Settings of services by service name, beside those the runner gives. */
  serviceEnv?(flags: Flags): Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Processes that no customer of it waits for: where processors are short, the others go first. */
  readonly mayWait?: readonly string[];
  /**
   * A service to which all connections are open before the first visitor comes, as those of a load balancer are. To the others
   * they are opened when they are needed.
   */
  readonly connectsBefore?: string;
  setUp(stage: Stage, flags: Flags): Promise<Ground>;
  flow(context: FlowContext<Ground>): Flow;
  persisted(ground: Ground): PersistedRows;
  /** Those worth a line in the report; all others are waited for as well. */
  readonly backlogs: readonly Backlog[];
  /** By figure: of all requests (`p99_ms`), of an endpoint (`place.p99_ms`), of the proof (`oversold`). */
  thresholds(flags: Flags): Readonly<Record<string, Threshold>>;
  prove(
    stage: Pick<Stage, 'query'>,
    kept: Readonly<Record<string, readonly string[]>>,
    ground: Ground,
    flags: Flags,
  ): Promise<Proof>;
}

/** Checks a scenario's types where it is written, and forgets those of its ground where it is run. */
export function defineScenario<Ground>(scenario: Scenario<Ground>): Scenario {
  return scenario;
}
