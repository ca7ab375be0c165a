import { expect, it } from '@jest/globals';
import { assert, asyncProperty, nat } from 'fast-check';
import { SeededRandom } from '../../../../infra/seeded-random.ts';
import { rowOf } from '../../../../services/contracts/order-binlog.ts';
import { Following } from '../../../../services/sync/follower/following.ts';
import { SourceAway } from '../../../../services/sync/follower/stream-fault.ts';
import { plays } from '../../../support/plays.ts';
import type { FakeRows } from './fake-binlog.ts';
import { Life, MortalWorld, turn } from './mortal-world.ts';

const nobody = {
  standby: () => undefined,
  began: () => undefined,
  read: () => undefined,
  published: () => undefined,
};

interface Written {
  readonly orderNo: string;
  readonly n: string;
}

/** Writes transactions of all followed tables, and of one that is not; notes what each queue should hold in the end. */
class Writer {
  readonly written: Written[] = [];
  readonly #world: MortalWorld;
  readonly #random: SeededRandom;
  readonly #refunds: { refundNo: string; orderNo: string }[] = [];

  constructor(world: MortalWorld, random: SeededRandom) {
    this.#world = world;
    this.#random = random;
  }

  commit(): void {
    const changes = Array.from({ length: 1 + this.#random.below(3) }, () => this.#change());
    this.#world.binlog.commit(changes);
  }

  #change(): FakeRows {
    const orderNo = `O-${this.#random.below(8)}`;
    const kind = this.#random.below(6);
    if (kind === 0) return { op: 'INSERT', table: 'notes', rows: [{ id: '1' }] };
    if (kind === 1 || this.#refunds.length === 0) {
      const refundNo = `R-${this.#refunds.length}`;
      this.#refunds.push({ refundNo, orderNo });
      return {
        op: 'INSERT',
        table: 'order_refunds',
        rows: [{ refund_no: refundNo, order_no: orderNo, n: this.#next(orderNo) }],
      };
    }
    if (kind === 2) {
      const refund = this.#refunds[this.#random.below(this.#refunds.length)]!;
      const n = this.#next(refund.orderNo);
      return {
        op: 'DELETE',
        table: 'order_refund_items',
        rows: [{ refund_no: refund.refundNo, n }],
      };
    }
    const orderNos = Array.from(
      { length: 1 + this.#random.below(5) },
      () => `O-${this.#random.below(8)}`,
    );
    if (kind === 3) {
      return {
        op: 'UPDATE',
        table: 'orders',
        rows: orderNos.map((each) => ({
          before: { order_no: each, n: '' },
          after: { order_no: each, n: this.#next(each) },
        })),
      };
    }
    return {
      op: 'INSERT',
      table: 'order_items',
      rows: orderNos.map((each) => ({ order_no: each, n: this.#next(each) })),
    };
  }

  #next(orderNo: string): string {
    const n = String(this.written.length);
    this.written.push({ orderNo, n });
    return n;
  }
}

it('brings each change into its queue once and in order, wherever its process dies and whatever the broker answers', async () => {
  const play = async (seed: number): Promise<void> => {
    const random = new SeededRandom(seed);
    const world = new MortalWorld(random, 1 + random.below(5));
    const writer = new Writer(world, random);
    const lives = 2 + random.below(5);
    for (let lifeNo = 1; lifeNo <= lives; lifeNo++) {
      const isLast = lifeNo === lives;
      for (let count = random.below(12); count > 0; count--) writer.commit();
      const life = new Life(isLast ? Infinity : 1 + random.below(60));
      const fault =
        !isLast && random.chance(0.4)
          ? { afterCount: random.below(40), kind: 'lost' as const }
          : undefined;
      const stop = new AbortController();
      const following = new Following(world.parts(life, fault), nobody, stop.signal);
      const end: { error?: unknown } = {};
      const running = following.run({ atEnd: false }).catch((error: unknown) => {
        end.error = error;
      });
      let commitsLeft = random.below(6);
      const isDone = (): boolean =>
        commitsLeft === 0 && following.progress?.position.offset === world.binlog.end.offset;
      while (!life.isOver && end.error === undefined && !isDone()) {
        if (commitsLeft > 0 && random.chance(0.1)) {
          commitsLeft--;
          writer.commit();
        }
        await turn();
      }
      stop.abort();
      await Promise.race([running, life.death]);
      // The broker is away while the ends of its queues are asked for: the next life tries again.
      if (isLast && end.error !== undefined && !(end.error instanceof SourceAway)) lifeNo--;
    }
    for (const { queueId } of world.queues) {
      const expected = writer.written.filter(({ orderNo }) => world.queueIdOf(orderNo) === queueId);
      expect(
        world
          .changes(queueId)
          .map((change) => ({ orderNo: change.orderNo, n: rowOf(change)['n'] })),
      ).toEqual(expected);
    }
    expect(world.checkpoint.position).toEqual(world.binlog.end);
  };
  await assert(asyncProperty(nat(), play), plays(25));
}, 60_000);
