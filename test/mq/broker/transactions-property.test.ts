import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { Decision } from '../../../mq/broker/transaction-table.ts';
import { MqError } from '../../../mq/errors.ts';
import type { FlushDiskType } from '../../../mq/store/group-commit.ts';
import { settle } from '../../support/fake-clock.ts';
import { FaultyFiles } from '../../support/faulty-files.ts';
import {
  MAX_CHECKS,
  OFFSETS_FILE,
  TransactionsUnderTest,
  type Check,
  type Place,
} from './transactions-under-test.ts';
import { plays } from '../../support/plays.ts';

const RUNS = plays(150);

type Step =
  | { do: 'half' | 'round' | 'wait' }
  | { do: 'end'; which: number; place: number; decision: Decision }
  | { do: 'answer'; which: number; decision: Decision }
  | { do: 'join' | 'leave'; who: number }
  | { do: 'resume'; which: number }
  | { do: 'fault'; code: 'ENOSPC' | 'EIO'; afterBytes: number }
  | { do: 'crash'; how: 'kill' | 'power' | 'close'; offsets: 'keep' | 'lose' | 'older' };

const decision = fc.constantFrom<Decision>('COMMIT', 'ROLLBACK');
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('half' as const) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('end' as const),
      which: fc.nat(20),
      place: fc.nat(5),
      decision,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('answer' as const), which: fc.nat(20), decision }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constantFrom('round' as const, 'wait' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('join' as const, 'leave' as const),
      who: fc.nat(2),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('resume' as const), which: fc.nat(5) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('fault' as const),
      code: fc.constantFrom('ENOSPC' as const, 'EIO' as const),
      afterBytes: fc.nat(1500),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('crash' as const),
      how: fc.constantFrom('kill' as const, 'power' as const, 'close' as const),
      offsets: fc.constantFrom('keep' as const, 'keep' as const, 'lose' as const, 'older' as const),
    }),
  },
);

/** What the test knows of a transaction, apart from what the broker does. */
interface Known {
  readonly body: string;
  readonly places: Place[];
  /** Asked for, by anybody, whatever became of it. */
  readonly asked: Set<Decision>;
  /** Acknowledged. */
  acked: Decision | undefined;
  /** Checks a producer was handed since the half message was stored or resumed. */
  checks: number;
}

/**
 * Producers, operators, crashes and a failing disk against one broker's transactions, and after every step: at most once
 * visible, only after somebody committed, never after an acknowledged rollback, and as acknowledged.
 */
class Run {
  readonly #disk: FaultyFiles;
  readonly #flushDiskType: FlushDiskType;
  readonly #known = new Map<string, Known>();
  readonly #checks: Check[] = [];
  readonly #pending = new Set<Promise<void>>();
  #broker!: TransactionsUnderTest;
  #life = 0;
  #nowMs = 1_700_000_000_000;
  #olderOffsets: Buffer | undefined;

  constructor(seed: number, flushDiskType: FlushDiskType) {
    this.#disk = new FaultyFiles(seed);
    this.#flushDiskType = flushDiskType;
  }

  async run(steps: readonly Step[]): Promise<void> {
    await this.#open();
    for (const each of steps) {
      await this.#take(each);
      await this.#verify();
    }
    await this.#drain();
    await this.#broker.close();
  }

  async #open(): Promise<void> {
    this.#life++;
    this.#broker = await TransactionsUnderTest.open(this.#disk.process(), {
      startMs: this.#nowMs,
      store: { flushDiskType: this.#flushDiskType, recentBytes: 4096 },
      putAgainBehind: 6,
    });
    this.#broker.join('p0');
  }

  async #take(given: Step): Promise<void> {
    switch (given.do) {
      case 'half':
        return this.#half();
      case 'end': {
        const known = this.#pick(given.which);
        const place = known?.places[given.place % known.places.length];
        if (known !== undefined && place !== undefined) {
          this.#track(this.#end(known, place, given.decision, false));
        }
        return;
      }
      case 'answer': {
        const check = this.#checks[given.which % Math.max(1, this.#checks.length)];
        const known = check && this.#known.get(check.body);
        if (known !== undefined) this.#track(this.#end(known, check!, given.decision, true));
        return;
      }
      case 'wait':
        await settle(3);
        return;
      case 'round':
        return this.#round();
      case 'join':
        this.#broker.join(`p${given.who}`);
        return;
      case 'leave':
        this.#collectChecks();
        this.#broker.leave(`p${given.who}`);
        return;
      case 'resume':
        return this.#resume(given.which);
      case 'fault':
        this.#disk.failNext('write', { path: 'commitlog', ...given });
        return;
      case 'crash':
        return this.#crash(given.how, given.offsets);
    }
  }

  #half(): void {
    const body = `m${this.#known.size}`;
    const known: Known = { body, places: [], asked: new Set(), acked: undefined, checks: 0 };
    const life = this.#life;
    this.#known.set(body, known);
    this.#track(
      this.#broker.half(body).then((place) => {
        if (life === this.#life) known.places.push(place);
      }),
    );
  }

  /** A crash may have kept the answer to the send, so that only a check tells where the half message is. */
  #pick(which: number): Known | undefined {
    const all = [...this.#known.values()];
    return all[which % Math.max(1, all.length)];
  }

  async #end(
    known: Known,
    { halfOffset, commitLogOffset }: Place,
    wanted: Decision,
    isFromCheck: boolean,
  ): Promise<void> {
    const life = this.#life;
    known.asked.add(wanted);
    await this.#broker.end({ halfOffset, commitLogOffset }, wanted, isFromCheck);
    if (life !== this.#life) return;
    if (known.acked !== undefined && known.acked !== wanted) {
      throw new Error(`${known.body}: both ${known.acked} and ${wanted} were acknowledged`);
    }
    known.acked = wanted;
  }

  /** Refusals are part of it; anything that is no MqError and not the death of the process is a defect. */
  #track(work: Promise<void>): void {
    const life = this.#life;
    const tracked = work.catch((cause: unknown) => {
      if (MqError.is(cause) || life !== this.#life) return;
      this.#failure ??= cause;
    });
    this.#pending.add(tracked);
    void tracked.then(() => this.#pending.delete(tracked));
  }
  #failure: unknown;

  #collectChecks(): void {
    for (const check of this.#broker.takeChecks()) {
      this.#checks.push(check);
      const known = this.#known.get(check.body)!;
      known.checks++;
      known.places.push({ halfOffset: check.halfOffset, commitLogOffset: check.commitLogOffset });
    }
  }

  async #round(): Promise<void> {
    await this.#broker.round();
    this.#collectChecks();
    await this.#verifyDiscarded();
  }

  /** `checks` counts since the last resumption; a discarded one was asked after often enough. */
  async #verifyDiscarded(): Promise<void> {
    const latest = new Map<string, string>();
    for (const { body, offsetMsgId } of await this.#broker.discarded()) {
      latest.set(body.toString(), offsetMsgId);
    }
    for (const [body, offsetMsgId] of latest) {
      if (this.#seenDiscarded.has(offsetMsgId)) continue;
      this.#seenDiscarded.add(offsetMsgId);
      expect({ body, checks: this.#known.get(body)!.checks >= MAX_CHECKS }).toEqual({
        body,
        checks: true,
      });
    }
  }
  readonly #seenDiscarded = new Set<string>();

  async #resume(which: number): Promise<void> {
    const discarded = await this.#broker.discarded();
    const chosen = discarded[which % Math.max(1, discarded.length)];
    if (chosen === undefined) return;
    const known = this.#known.get(chosen.body.toString())!;
    this.#seenDiscarded.add(chosen.offsetMsgId);
    this.#track(
      this.#broker.transactions.resume(chosen.offsetMsgId).then(() => {
        known.checks = 0;
      }),
    );
  }

  async #crash(how: 'kill' | 'power' | 'close', offsets: 'keep' | 'lose' | 'older'): Promise<void> {
    this.#collectChecks();
    this.#nowMs = this.#broker.clock.now() + 1_000;
    const { store } = this.#broker;
    if (how === 'close') await Promise.allSettled([this.#broker.close()]);
    // ASYNC_FLUSH promises to survive the end of the process only.
    const isPower = how === 'power' && this.#flushDiskType === 'SYNC_FLUSH';
    if (isPower) this.#disk.cutPower();
    else this.#disk.killProcess();
    this.#life++;
    await settle(3);
    await Promise.allSettled([store.close()]);
    const exists = this.#disk.sizeOf(OFFSETS_FILE) !== undefined;
    if (exists && offsets === 'lose') {
      this.#disk.remove(OFFSETS_FILE);
      this.#disk.remove(`${OFFSETS_FILE}.bak`);
    } else if (exists && offsets === 'older' && this.#olderOffsets !== undefined) {
      this.#disk.put(OFFSETS_FILE, this.#olderOffsets);
    } else if (exists) {
      this.#olderOffsets = this.#disk.bytes(OFFSETS_FILE);
    }
    await this.#open();
  }

  async #verify(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    const visible = await this.#broker.visible();
    for (const { body, asked, acked } of this.#known.values()) {
      const count = visible.filter((each) => each === body).length;
      const isWrong =
        count > 1 ||
        (count === 1 && (!asked.has('COMMIT') || acked === 'ROLLBACK')) ||
        (count === 0 && acked === 'COMMIT');
      if (isWrong) {
        throw new Error(
          `${body} is visible ${count} times, asked ${[...asked].join()}, acked ${acked}`,
        );
      }
    }
  }

  /** The disk is well, a producer is there and commits, an operator resumes: then everything gets its outcome. */
  async #drain(): Promise<void> {
    await this.#crash('kill', 'keep');
    for (let round = 0; round < 40; round++) {
      await this.#round();
      for (const check of this.#checks.splice(0)) {
        const known = this.#known.get(check.body)!;
        this.#track(this.#end(known, check, 'COMMIT', true));
      }
      await Promise.all(this.#pending);
      for (const { offsetMsgId } of await this.#broker.discarded()) {
        await this.#broker.transactions.resume(offsetMsgId).catch((cause: unknown) => {
          if (!MqError.is(cause)) throw cause;
        });
      }
      if (this.#broker.transactions.openCount === 0 && round > 2) break;
    }
    await this.#verify();
    expect(this.#broker.transactions.openCount).toBe(0);
    const visible = new Set(await this.#broker.visible());
    for (const { body, places, asked } of this.#known.values()) {
      // One whose send was never acknowledged may not be stored; every other one has an outcome, and not by itself.
      const isSettled = places.length === 0 || visible.has(body) || asked.has('ROLLBACK');
      expect({ body, isSettled }).toEqual({ body, isSettled: true });
    }
  }
}

describe('transactions, whatever happens in whatever order', () => {
  it.each(['SYNC_FLUSH', 'ASYNC_FLUSH'] as const)(
    'each have one outcome, visible exactly once or never (%s)',
    async (flushDiskType) => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(step, { minLength: 5, maxLength: 60 }),
          fc.nat(1_000_000),
          async (steps, seed) => {
            await new Run(seed, flushDiskType).run(steps);
          },
        ),
        RUNS,
      );
    },
    60_000 + RUNS.numRuns * 500,
  );
});
