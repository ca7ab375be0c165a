import { describe, expect, it } from '@jest/globals';
import { SeededRandom } from '../../../infra/seeded-random.ts';
import type { AssignmentChange } from '../../../mq/client/assignment.ts';
import type { ConsumedMessage } from '../../../mq/client/consumed-message.ts';
import { MqError } from '../../../mq/errors.ts';
import { queueKey, type MessageQueue } from '../../../mq/protocol/message-queue.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { SimulatedBroker } from './simulated-broker.ts';
import { SimulatedPuller, type PullerWitness } from './simulated-puller.ts';
import { play, troubles } from './troubles.ts';

/** `MILLRACE_SEED=17` plays that one, `MILLRACE_SEEDS=200` so many. */
const SEEDS = Number(process.env['MILLRACE_SEEDS'] ?? 15);
const only = process.env['MILLRACE_SEED'];
const STEPS = 100;

/** What one member may do with one queue, from when it got it. */
interface Session {
  /** Of the next message it may get; undefined until it got one, or sought. */
  expected: number | undefined;
  /** Of the first message it got: where it began may be reported before any poll says that something is consumed. */
  first: number | undefined;
  /** The highest offset it may report. */
  bound: number | undefined;
}

/** Watches what is handed out and what is reported, and objects to the first that should not be. */
class Witness implements PullerWitness {
  readonly faults: string[] = [];
  readonly #autoCommit: boolean;
  /** Of each queue: everything below was handed out to somebody. */
  readonly #handedOutBelow = new Map<string, number>();
  readonly #sessions = new Map<SimulatedPuller, Map<string, Session>>();

  constructor(autoCommit: boolean) {
    this.#autoCommit = autoCommit;
  }

  handedOutBelow(queue: MessageQueue): number {
    return this.#handedOutBelow.get(queueKey(queue)) ?? 0;
  }

  changed(member: SimulatedPuller, { added }: AssignmentChange): void {
    for (const queue of added) {
      Object.assign(this.#session(member, queue), { expected: undefined, first: undefined });
    }
  }

  handedOut(member: SimulatedPuller, message: ConsumedMessage): void {
    const { topic, brokerName, queueId, queueOffset: offset } = message;
    const queue = { topic, brokerName, queueId };
    const session = this.#session(member, queue);
    const below = this.handedOutBelow(queue);
    const name = `${member.clientId} ${queueKey(queue)} ${offset}`;
    if (offset > below) this.faults.push(`${name}: skips ${below}`);
    if (session.expected !== undefined && offset !== session.expected) {
      this.faults.push(`${name}: where ${session.expected} was due`);
    }
    session.first ??= offset;
    session.expected = offset + 1;
    this.#handedOutBelow.set(queueKey(queue), Math.max(below, offset + 1));
  }

  polls(member: SimulatedPuller): void {
    if (this.#autoCommit) this.settles(member);
  }

  /** The application says that what was handed out until now is consumed. */
  settles(member: SimulatedPuller): void {
    for (const { queue, position } of member.assignment.pullers()) {
      const session = this.#session(member, queue);
      // Of two loops one may say so in the moment between another's poll being served and its learning of it.
      const settled = this.#autoCommit ? (session.expected ?? position) : position;
      if (settled !== undefined) session.bound = Math.max(session.bound ?? 0, settled);
    }
  }

  sought(member: SimulatedPuller, queue: MessageQueue, offset: number): void {
    this.#session(member, queue).expected = offset;
  }

  reports(member: SimulatedPuller, queue: MessageQueue, offset: number): void {
    const { bound, first } = this.#session(member, queue);
    const name = `${member.clientId} reports ${queueKey(queue)} ${offset}`;
    if (offset > this.handedOutBelow(queue)) {
      this.faults.push(`${name}: only up to ${this.handedOutBelow(queue)} was handed out`);
    }
    const began = this.#autoCommit ? (first ?? this.handedOutBelow(queue)) : -1;
    const limit = Math.max(bound ?? -1, began);
    if (offset > limit) this.faults.push(`${name}: it may up to ${limit}`);
  }

  #session(member: SimulatedPuller, queue: MessageQueue): Session {
    const sessions = this.#sessions.get(member) ?? new Map<string, Session>();
    this.#sessions.set(member, sessions);
    const session = sessions.get(queueKey(queue)) ?? {
      expected: undefined,
      first: undefined,
      bound: undefined,
    };
    sessions.set(queueKey(queue), session);
    return session;
  }
}

/** The application: polls, works, commits, goes back, pauses. */
class Application {
  readonly member: SimulatedPuller;
  readonly #random: SeededRandom;
  readonly #witness: Witness;
  readonly #autoCommit: boolean;
  #isSeeking = false;
  isCalm = false;

  constructor(
    member: SimulatedPuller,
    random: SeededRandom,
    witness: Witness,
    autoCommit: boolean,
  ) {
    this.member = member;
    this.#random = random;
    this.#witness = witness;
    this.#autoCommit = autoCommit;
  }

  async run(): Promise<void> {
    while (!this.member.isDead && !this.member.isLeaving) {
      const messages = await this.member.poll(1 + this.#random.below(6), this.#random.below(8_000));
      await this.#work();
      if (!this.#autoCommit && messages.length > 0) {
        this.#witness.settles(this.member);
        await tolerated(this.member.polling.commit(undefined));
      }
      if (this.isCalm) continue;
      if (this.#random.chance(0.05)) await this.#goBack();
      if (this.#random.chance(0.05)) this.#pause();
    }
  }

  calmDown(): void {
    this.isCalm = true;
    for (const puller of this.member.assignment.pullers()) puller.resume();
  }

  #work(): Promise<void> {
    const isLong = !this.isCalm && this.#random.chance(0.03);
    const ms = this.#random.below(isLong ? 60_000 : 300);
    return this.#random.chance(0.5)
      ? Promise.resolve()
      : new Promise((resolve) => this.member.setTimeout(resolve, ms));
  }

  async #goBack(): Promise<void> {
    const queues = this.member.assignment.queues();
    const queue = queues[this.#random.below(queues.length)];
    const position = queue && this.member.assignment.puller(queue)?.position;
    if (queue === undefined || position === undefined || this.#isSeeking) return;
    const target = Math.max(0, position - this.#random.below(10));
    this.#isSeeking = true;
    const hasSought = await tolerated(this.member.polling.seeks.to(queue, target));
    this.#isSeeking = false;
    if (hasSought) this.#witness.sought(this.member, queue, target);
  }

  #pause(): void {
    const pullers = [...this.member.assignment.pullers()];
    const puller = pullers[this.#random.below(pullers.length)];
    puller?.pause();
    this.member.setTimeout(() => puller?.resume(), this.#random.below(20_000));
  }
}

/** Whether it went well: brokers are killed, queues are lost. */
async function tolerated(work: Promise<void>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if (!MqError.is(error)) throw error;
    return false;
  }
}

async function run(seed: number, autoCommit: boolean): Promise<string[]> {
  const random = new SeededRandom(seed);
  const clock = new FakeClock();
  const brokers = [0, 1].map(
    (index) => new SimulatedBroker(clock, { index, queueCount: 2 - index, remembersLocks: true }),
  );
  const queues = brokers.flatMap((broker) => broker.queues.map((queue) => ({ broker, queue })));
  const witness = new Witness(autoCommit);
  let applications: Application[] = [];
  let joined = 0;
  const join = (): void => {
    const name = `m${joined++}`;
    const member = new SimulatedPuller(name, clock, brokers, witness, autoCommit);
    const application = new Application(member, random, witness, autoCommit);
    applications.push(application);
    void member.start();
    void application.run();
    // With autoCommit a second loop would say that the first has consumed what it was given.
    if (!autoCommit) void application.run();
  };
  const anyone = (): SimulatedPuller | undefined =>
    applications[random.below(applications.length)]?.member;
  join();
  const cast = {
    clock,
    random,
    brokers,
    queues,
    burst: 12,
    graceMs: 0,
    anyone,
    join: () => void (applications.length < 4 && join()),
  };
  await play(troubles(cast), cast, STEPS, () => {
    applications = applications.filter(({ member }) => !member.isDead);
  });
  for (const application of applications) {
    await application.member.thaw();
    application.calmDown();
  }
  join();
  for (const application of applications) application.calmDown();
  await clock.advanceAndSettle(200_000);
  // The report of a member that was frozen, or at a broker that was, may have come after a later one: the next one mends that.
  for (const { broker, queue } of queues) broker.append(queue);
  await clock.advanceAndSettle(100_000);
  for (const { broker, queue } of queues) {
    const length = broker.length(queue);
    const handedOut = witness.handedOutBelow(queue);
    if (handedOut !== length || (broker.committed(queue) ?? 0) !== length) {
      witness.faults.push(
        `${queueKey(queue)}: ${handedOut} of ${length} handed out, ${broker.committed(queue)} committed`,
      );
    }
  }
  return witness.faults;
}

describe('pulling, whatever happens to members and brokers', () => {
  it.each([
    ['by itself', true],
    ['as it is told', false],
  ])(
    'hands out every message in order, and reports nothing that was not, when it commits %s',
    async (_how, autoCommit) => {
      const seeds = Array.from({ length: SEEDS }, (_, index) => index + 1);
      for (const seed of only === undefined ? seeds : [Number(only)]) {
        const faults = await run(seed, autoCommit);
        expect({ seed, faults }).toEqual({ seed, faults: [] });
      }
    },
    Math.max(120_000, SEEDS * 5_000),
  );
});
