import { describe, expect, it } from '@jest/globals';
import type { ConsumedMessage } from '../../../mq/client/consumed-message.ts';
import type { ConsumeOrderlyContext } from '../../../mq/client/orderly-listener.ts';
import { queueKey, type MessageQueue } from '../../../mq/protocol/message-queue.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { SeededRandom } from '../../../infra/seeded-random.ts';
import { SimulatedBroker } from './simulated-broker.ts';
import { SimulatedMember } from './simulated-member.ts';
import { play, troubles } from './troubles.ts';

const SEEDS = 12;
const STEPS = 120;
const GRACE_MS = 10_000;
/** How long a member trusts its lock by itself. */
const TRUSTED_MS = 30_000;
/** From when a listener is told to stop, at a renewal at the latest, until its queue can be another's. */
const LEASE_LEFT_MS = 30_000;

interface Call {
  readonly member: SimulatedMember;
  readonly offset: number;
  readonly brokerAddress: string;
  /** On the clock; Infinity while the call counts. */
  abortedAtMs: number;
}

interface QueueHistory {
  /** Calls that have begun and not ended. */
  active: Set<Call>;
  /** Offsets below this were each consumed at least once. */
  finishedBelow: number;
  /** What each member may be given next without having read the group's progress anew. */
  expected: Map<SimulatedMember, number>;
}

/** Watches every call of every listener, and objects to the first that should not be. */
class Witness {
  readonly faults: string[] = [];
  readonly #histories = new Map<string, QueueHistory>();
  readonly #random: SeededRandom;
  readonly #brokers: readonly SimulatedBroker[];
  readonly #clock: FakeClock;
  readonly #remembersLocks: boolean;
  isCalm = false;

  constructor(
    random: SeededRandom,
    brokers: readonly SimulatedBroker[],
    clock: FakeClock,
    remembersLocks: boolean,
  ) {
    this.#remembersLocks = remembersLocks;
    this.#random = random;
    this.#brokers = brokers;
    this.#clock = clock;
  }

  of(queue: MessageQueue): QueueHistory {
    const key = queueKey(queue);
    let history = this.#histories.get(key);
    if (history === undefined) {
      history = { active: new Set(), finishedBelow: 0, expected: new Map() };
      this.#histories.set(key, history);
    }
    return history;
  }

  async listen(
    member: SimulatedMember,
    message: ConsumedMessage,
    context: ConsumeOrderlyContext,
  ): Promise<'SUCCESS' | 'SUSPEND_CURRENT_QUEUE_A_MOMENT'> {
    const { topic, brokerName, queueId, queueOffset: offset } = message;
    const queue = { topic, brokerName, queueId };
    const history = this.of(queue);
    const name = `${member.clientId} ${queueKey(queue)} ${offset}`;
    const broker = this.#brokers.find((one) => one.brokerName === brokerName)!;
    const call: Call = {
      member,
      offset,
      brokerAddress: broker.address,
      abortedAtMs: Infinity,
    };
    context.signal.addEventListener('abort', () => (call.abortedAtMs = this.#clock.monotonicMs()));
    for (const other of history.active) this.#checkOverlap(name, other, call);
    if (offset > history.finishedBelow) {
      this.faults.push(`${name}: before ${history.finishedBelow} was consumed`);
    }
    const isNext = history.expected.get(member) === offset;
    if (!isNext && offset !== (broker.committed(queue) ?? 0)) {
      this.faults.push(
        `${name}: neither next (${history.expected.get(member)}) nor committed (${broker.committed(queue)})`,
      );
    }
    if (message.reconsumeTimes > 0 && !isNext) this.faults.push(`${name}: counts failures`);
    history.active.add(call);
    history.expected.set(member, offset);
    await this.#work(member);
    history.active.delete(call);
    if (this.#random.chance(this.isCalm ? 0 : 0.1)) {
      if (this.#random.chance(0.5)) throw new Error('not now');
      return 'SUSPEND_CURRENT_QUEUE_A_MOMENT';
    }
    history.finishedBelow = Math.max(history.finishedBelow, offset + 1);
    history.expected.set(member, offset + 1);
    return 'SUCCESS';
  }

  #checkOverlap(name: string, other: Call, own: Call): void {
    const { member, offset, abortedAtMs, brokerAddress } = other;
    const nowMs = this.#clock.monotonicMs();
    const isTrusted = nowMs - member.frozenSinceMs <= TRUSTED_MS;
    const wasToldLately = nowMs - abortedAtMs <= (this.#remembersLocks ? LEASE_LEFT_MS : -1);
    const counts = abortedAtMs === Infinity || wasToldLately;
    // An original that was restarted gives the lock away before a frozen member can learn that it was forgotten.
    const isBlind =
      !this.#remembersLocks &&
      (member.isCutOff(brokerAddress) || own.member.isCutOff(brokerAddress));
    if (member.isDead || !isTrusted || !counts || isBlind) return;
    this.faults.push(`${name}: while ${member.clientId} has ${offset}`);
  }

  #work(member: SimulatedMember): Promise<void> {
    const isLong = !this.isCalm && this.#random.chance(0.03);
    const ms = isLong ? this.#random.below(90_000) : this.#random.below(400);
    return this.#random.chance(0.3)
      ? Promise.resolve()
      : new Promise((resolve) => member.setTimeout(resolve, ms));
  }
}

async function run(seed: number, remembersLocks: boolean): Promise<string[]> {
  const random = new SeededRandom(seed);
  const clock = new FakeClock();
  const brokers = [
    new SimulatedBroker(clock, { index: 0, queueCount: 2, remembersLocks }),
    new SimulatedBroker(clock, { index: 1, queueCount: 1, remembersLocks }),
  ];
  const queues = brokers.flatMap((broker) => broker.queues.map((queue) => ({ broker, queue })));
  const witness = new Witness(random, brokers, clock, remembersLocks);
  let members: SimulatedMember[] = [];
  let joined = 0;
  const join = (): void => {
    const member: SimulatedMember = new SimulatedMember(
      `m${joined++}`,
      clock,
      brokers,
      (message, context) => witness.listen(member, message, context),
      GRACE_MS,
    );
    members.push(member);
    void member.start();
  };
  const anyMember = (): SimulatedMember | undefined =>
    members.filter(({ isLeaving }) => !isLeaving)[random.below(members.length)];
  join();
  const cast = {
    clock,
    random,
    brokers,
    queues,
    burst: 6,
    graceMs: GRACE_MS,
    anyone: anyMember,
    join: () => void (members.length < 4 && join()),
  };
  await play(troubles(cast), cast, STEPS, () => {
    members = members.filter((member) => !member.isDead);
  });
  witness.isCalm = true;
  for (const member of members) await member.thaw();
  join();
  await clock.advanceAndSettle(300_000);
  for (const { broker, queue } of queues) {
    const length = broker.length(queue);
    const { finishedBelow } = witness.of(queue);
    if (finishedBelow !== length || (broker.committed(queue) ?? 0) !== length) {
      witness.faults.push(
        `${queueKey(queue)}: ${finishedBelow} of ${length} consumed, ${broker.committed(queue)} committed`,
      );
    }
    witness.faults.push(...broker.setBacks);
  }
  return witness.faults;
}

describe('consuming in order, whatever happens to members and brokers', () => {
  it.each([
    ['that remember their locks over a restart', true],
    ['that forget them, as originals do', false],
  ])(
    'is one listener a queue at a time, in order, from committed offsets, and loses nothing, on brokers %s',
    async (_brokers, remembersLocks) => {
      for (let seed = 1; seed <= SEEDS; seed++) {
        const faults = await run(seed, remembersLocks);
        expect({ seed, faults }).toEqual({ seed, faults: [] });
      }
    },
    120_000,
  );
});
