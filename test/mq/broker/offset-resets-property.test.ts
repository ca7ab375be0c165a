import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { ConsumerOffsets } from '../../../mq/broker/consumer-offsets.ts';
import type { ConsumerManager } from '../../../mq/broker/consumer-manager.ts';
import { LongPolling } from '../../../mq/broker/long-polling.ts';
import { OffsetResets } from '../../../mq/broker/offset-resets.ts';
import { silentLogger } from '../../../mq/logger.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FakeConfigFile } from '../../support/fake-config-file.ts';
import { plays } from '../../support/plays.ts';

const queue = { group: 'cg', topic: 'T', queueId: 0 };
/** Small, so that many pulls come to the end and are held, and many resets are to where a member is. */
const MAX = 9;

/**
 * A consumer as the official ones are. It reports oneway and with its pulls; what it has sent is on its way for any time,
 * in order. It pulls again when its pull is answered. Told that it was moved, it goes on reporting what it had until it gets
 * round to beginning anew. The queue can go to another member and come back, while the broker still holds a pull of before.
 */
class Member {
  readonly connection = {};
  readonly inFlight: (() => void)[] = [];
  /** Where it consumes, and where it fetches. */
  consumed: number;
  fetched: number;
  /** Where it was told to go, and has not gone yet. */
  told: number | undefined;
  #isPulling = false;
  #times = 0;
  #held: ((wasHeld: boolean) => void)[] = [];
  readonly #broker: BrokerParts;

  constructor(broker: BrokerParts, at: number) {
    this.#broker = broker;
    this.consumed = at;
    this.fetched = at;
  }

  consume(): void {
    if (this.consumed < this.fetched) this.consumed++;
  }

  report(): void {
    const { consumed } = this;
    this.inFlight.push(() => this.#broker.commit(consumed));
  }

  pull(): void {
    if (this.told !== undefined || this.#isPulling) return;
    this.#isPulling = true;
    const { consumed, fetched } = this;
    const times = this.#times;
    const commitOffset = consumed > 0 ? consumed : undefined;
    const serve = (wasHeld: boolean): void => {
      const pull = { queueOffset: fetched, commitOffset, wasHeld };
      const wasReset = this.#broker.offsets.pendingReset(queue) !== undefined;
      const movedTo = this.#broker.resets.movesPull(queue, pull, this.connection);
      const mayCommit = !wasReset && !wasHeld;
      if (mayCommit && commitOffset !== undefined) this.#broker.commit(commitOffset);
      if (movedTo === undefined && fetched === MAX) {
        this.#held.push(serve);
        return;
      }
      if (movedTo !== undefined) this.told = movedTo;
      if (times !== this.#times) return;
      this.#isPulling = false;
      if (movedTo === undefined) this.fetched = Math.min(MAX, fetched + 3);
    };
    this.inFlight.push(() => serve(false));
  }

  /** What the broker does with the pulls it holds, when the group is reset or something arrives. */
  lookAgain(): void {
    for (const serve of this.#held.splice(0)) serve(true);
  }

  /** As Java and Go do: it drops what it has, reports the new place, and asks where to begin. */
  beginAnew(): void {
    if (this.told === undefined) return;
    this.consumed = this.told;
    this.#ask();
  }

  /** Another member had the queue for a moment. */
  loseAndRegain(): void {
    if (this.told === undefined) this.#ask();
  }

  #ask(): void {
    this.report();
    this.told = undefined;
    const times = ++this.#times;
    this.#isPulling = true;
    this.inFlight.push(() => {
      this.#broker.offsets.pendingReset(queue)?.inform(this.connection);
      if (times !== this.#times) return;
      const at = this.#broker.offsets.query('cg', 'T', 0) ?? 0;
      this.consumed = at;
      this.fetched = at;
      this.#isPulling = false;
    });
  }

  deliver(): void {
    this.inFlight.shift()?.();
  }
}

class BrokerParts {
  readonly offsets: ConsumerOffsets;
  readonly resets: OffsetResets;

  constructor(offsets: ConsumerOffsets, clock: FakeClock) {
    this.offsets = offsets;
    this.resets = new OffsetResets({
      offsets,
      consumers: { get: () => undefined } as unknown as ConsumerManager,
      longPolling: new LongPolling({ clock, maxOffsetOf: () => MAX }),
      brokerName: 'b',
      onReset: () => undefined,
      clock,
      logger: silentLogger,
    });
  }

  commit(queueOffset: number): void {
    this.offsets.commit({ ...queue, queueOffset, client: 'a member' });
  }
}

async function start(file: FakeConfigFile, clock: FakeClock): Promise<BrokerParts> {
  const logger = silentLogger;
  const offsets = await ConsumerOffsets.open({ file, persistIntervalMs: 5_000, clock, logger });
  return new BrokerParts(offsets, clock);
}

const steps = fc.array(
  fc.tuple(
    fc.constantFrom(
      ...(['consume', 'report', 'pull', 'pull', 'pull', 'beginAnew', 'loseAndRegain'] as const),
      ...(['deliver', 'deliver', 'deliver', 'deliver'] as const),
    ),
    fc.nat(2),
  ),
  { minLength: 10, maxLength: 120 },
);

describe('resets among members that report what they have done before', () => {
  it('hold until a member is there, and what is stored then is where it is', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(MAX), { minLength: 1, maxLength: 3 }),
        steps,
        fc.constantFrom(0, 3, 6, MAX, MAX),
        steps,
        async (places, before, to, after) => {
          const clock = new FakeClock();
          const broker = await start(new FakeConfigFile(), clock);
          const members = places.map((at) => new Member(broker, at));
          const play = (step: (typeof before)[number]): void => {
            const [what, which] = step;
            members[which % members.length]![what as 'consume']();
          };
          before.forEach(play);
          const targets = new Map([[0, to]]);
          const reset = { group: 'cg', topic: 'T', timestampMs: 0, isForced: true, targets };
          await broker.resets.assign(reset);
          for (const member of members) member.lookAgain();
          for (const step of after) {
            const wasPending = broker.offsets.pendingReset(queue) !== undefined;
            play(step);
            const isPending = broker.offsets.pendingReset(queue) !== undefined;
            const stored = broker.offsets.query('cg', 'T', 0);
            if (isPending) expect(stored).toBe(to);
            // Taken over by this very step: by a member that is where it should be.
            if (wasPending && !isPending) {
              const owner = members[step[1] % members.length]!;
              expect([stored, owner.consumed >= to]).toEqual([to, true]);
            }
          }
          broker.resets.close();
        },
      ),
      plays(2000),
    );
  });

  it('outlive the broker as long as they are pending, and no longer', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(MAX), steps, async (to, after) => {
        const clock = new FakeClock();
        const file = new FakeConfigFile();
        const broker = await start(file, clock);
        const targets = new Map([[0, to]]);
        const reset = { group: 'cg', topic: 'T', timestampMs: 0, isForced: true, targets };
        await broker.resets.assign(reset);
        const member = new Member(broker, MAX);
        for (const [what] of after) member[what as 'consume']();
        const wasPending = broker.offsets.pendingReset(queue) !== undefined;
        // What was answered is on disk; what came of it since may not be.
        const killed = await start(file, clock);
        expect(killed.offsets.pendingReset(queue)?.queueOffset).toBe(to);
        expect(killed.offsets.query('cg', 'T', 0)).toBe(to);
        await broker.offsets.persist();
        const stopped = await start(file, clock);
        expect(stopped.offsets.pendingReset(queue) !== undefined).toBe(wasPending);
        expect(stopped.offsets.query('cg', 'T', 0)).toBe(broker.offsets.query('cg', 'T', 0));
        broker.resets.close();
      }),
      plays(200),
    );
  });
});
