import type { SeededRandom } from '../../../infra/seeded-random.ts';
import type { MessageQueue } from '../../../mq/protocol/message-queue.ts';
import type { FakeClock } from '../../support/fake-clock.ts';
import type { SimulatedBroker } from './simulated-broker.ts';

/** What may happen next, and how likely beside the others. */
export type WeightedEvent = readonly [weight: number, happen: () => void | Promise<void>];

/** A consumer as far as something can befall it. */
export interface Mortal {
  leave(graceMs: number): unknown;
  kill(): void;
  freeze(): void;
  thaw(): unknown;
}

export interface Cast {
  readonly clock: FakeClock;
  readonly random: SeededRandom;
  readonly brokers: readonly SimulatedBroker[];
  readonly queues: readonly { broker: SimulatedBroker; queue: MessageQueue }[];
  /** Messages that come into one queue at a time, less than so many. */
  readonly burst: number;
  readonly graceMs: number;
  /** Somebody who lives; undefined when nobody does. */
  anyone(): Mortal | undefined;
  /** One more joins, if there is room. */
  join(): void;
}

/**
 * Messages come, consumers join, leave, die and freeze, brokers die and stall, all for a while; what is frozen, dead or
 * stalled comes back.
 */
export function troubles(cast: Cast): WeightedEvent[] {
  const { clock, random, brokers, queues, burst, graceMs } = cast;
  const anyBroker = (): SimulatedBroker => brokers[random.below(brokers.length)]!;
  return [
    [
      8,
      () => {
        const { broker, queue } = queues[random.below(queues.length)]!;
        for (let left = random.below(burst); left >= 0; left--) broker.append(queue);
      },
    ],
    [1, () => cast.join()],
    [0.5, () => void cast.anyone()?.leave(graceMs)],
    [0.5, () => cast.anyone()?.kill()],
    [
      1,
      () => {
        const member = cast.anyone();
        member?.freeze();
        clock.setTimeout(
          () => void member?.thaw(),
          random.below(random.chance(0.3) ? 150_000 : 20_000),
        );
      },
    ],
    [
      0.5,
      () => {
        const broker = anyBroker();
        if (!broker.isUp) return;
        broker.kill();
        clock.setTimeout(
          () => void broker.restart(),
          random.below(random.chance(0.3) ? 60_000 : 3_000),
        );
      },
    ],
    [
      0.5,
      () => {
        const broker = anyBroker();
        broker.stall();
        clock.setTimeout(() => broker.resume(), random.below(50_000));
      },
    ],
  ];
}

/** So many events, drawn by weight, with some time after each; `afterEach` is called then. */
export async function play(
  events: readonly WeightedEvent[],
  { clock, random }: Pick<Cast, 'clock' | 'random'>,
  steps: number,
  afterEach: () => void,
): Promise<void> {
  const weight = events.reduce((sum, [one]) => sum + one, 0);
  for (let step = 0; step < steps; step++) {
    let at = random.next() * weight;
    await events.find(([one]) => (at -= one) < 0)?.[1]();
    await clock.advanceAndSettle(random.below(random.chance(0.1) ? 15_000 : 2_500));
    afterEach();
  }
}
