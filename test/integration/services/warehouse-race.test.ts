import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { until } from '../../support/deadline.ts';
import { SeededRandom } from '../../../infra/seeded-random.ts';
import { PACKING_MS, WarehouseWorld, type Conduct, type Goods } from './warehouse-world.ts';

const ROUND_COUNT = 20;
const MINUTE_MS = 60_000;
const ordered: Goods[] = [
  { sku: 'MUG', quantity: 1 },
  { sku: 'TEA', quantity: 2 },
];
const conducts: Conduct[] = ['answers', 'answers', 'fails', 'losesAnswers'];

/** When the refund's step comes: with the end of packing, when the carrier is asked, or when it has taken the parcel. */
type Moment = 'packed' | 'asked' | 'taken';

interface Round {
  orderNo: string;
  refundNo: string;
  wanted: Goods[];
  moment: Moment;
  /** Of the carrier, try by try; after these it answers. */
  conducts: Conduct[];
  pauseMs: number;
  isRepeated: boolean;
}

let world: WarehouseWorld;

beforeAll(async () => {
  world = await WarehouseWorld.start();
});

afterAll(() => world[Symbol.asyncDispose]());

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

it('ends well for the parcel and its refund, whichever of handing over and taking out is first', async () => {
  const seed = Date.now() % 1_000_000;
  const random = new SeededRandom(seed);
  const pick = <T>(of: readonly T[]): T => of[random.below(of.length)]!;
  const rounds = new Map<string, Round>();
  for (let index = 0; index < ROUND_COUNT; index++) {
    const orderNo = await world.packing(ordered);
    rounds.set(orderNo, {
      orderNo,
      refundNo: `refund-of-${orderNo}`,
      wanted: random.chance(0.7) ? ordered : [{ sku: 'TEA', quantity: 1 + random.below(2) }],
      moment: pick(['packed', 'asked', 'taken'] as const),
      conducts: Array.from({ length: random.below(6) }, () => pick(conducts)),
      pauseMs: random.below(60),
      isRepeated: random.chance(0.3),
    });
  }
  const begun = new Set<string>();
  const beginOnce = async (round: Round): Promise<void> => {
    const { orderNo, refundNo, wanted, isRepeated } = round;
    if (begun.has(orderNo)) return;
    begun.add(orderNo);
    await world.returnGoods(orderNo, wanted, { refundNo });
    if (isRepeated) await world.returnGoods(orderNo, wanted, { refundNo });
  };
  // What a carrier may do in the time it takes: decide late, or decide early and answer late.
  world.carrier.conductOf = async (orderNo) => {
    const round = rounds.get(orderNo)!;
    if (round.moment === 'asked') await beginOnce(round);
    await pause(round.pauseMs);
    return round.conducts.shift() ?? 'answers';
  };
  world.carrier.beforeAnswer = async (orderNo) => {
    const round = rounds.get(orderNo)!;
    if (round.moment === 'taken') await beginOnce(round);
    await pause(round.pauseMs);
  };

  const all = [...rounds.values()];
  await Promise.all([
    world.broker.clock.advance(PACKING_MS),
    ...all.filter(({ moment }) => moment === 'packed').map(beginOnce),
  ]);
  const isThrough = async ({ orderNo, refundNo }: Round): Promise<boolean> => {
    const shipment = (await world.shipmentOf(orderNo))!;
    const isAwaited = shipment.returns.some(({ status }) => status === 'AWAITED');
    if (isAwaited) await world.receipt(shipment.shipmentNo, refundNo);
    const isAtEnd = ['SHIPPED', 'CANCELLED'].includes(shipment.status);
    return isAtEnd && (await world.results(refundNo)).length > 0;
  };
  await until(
    async () => {
      const throughs = await Promise.all(all.map(isThrough));
      if (throughs.every(Boolean)) return true;
      await world.broker.clock.advance(MINUTE_MS);
      return false;
    },
    { what: `the end of all rounds of seed ${seed}`, timeoutMs: 120_000, pollMs: 100 },
  );

  for (const round of all) {
    const shipment = (await world.shipmentOf(round.orderNo))!;
    const results = await world.results(round.refundNo);
    const taken = world.carrier.takenOf(round.orderNo);
    const announced = await world.announced(round.orderNo);
    const content = shipment.items
      .map(({ sku, quantity, cancelledQuantity }) => ({
        sku,
        quantity: quantity - cancelledQuantity,
      }))
      .filter(({ quantity }) => quantity > 0);
    const tries = new Set(
      world.carrier.askedFor(round.orderNo).map((each) => JSON.stringify(each)),
    );
    const isWhole = round.wanted === ordered;
    const [returned] = shipment.returns;
    expect({
      seed,
      round,
      end: `${shipment.status} ${returned?.status}`,
      returnCount: shipment.returns.length,
      differentTries: tries.size > 1,
      taken,
      announcedCount: announced.length,
      results: [...new Set(results.map(({ type }) => type))],
      content,
    }).toEqual({
      seed,
      round,
      end: expect.stringMatching(
        isWhole
          ? /^(CANCELLED CANCELLED|SHIPPED RECEIVED)$/
          : /^(SHIPPED CANCELLED|SHIPPED RECEIVED)$/,
      ),
      returnCount: 1,
      differentTries: false,
      taken: shipment.status === 'SHIPPED' ? content : undefined,
      announcedCount: shipment.status === 'SHIPPED' ? 1 : 0,
      results: ['Done'],
      content: returned?.status === 'RECEIVED' ? ordered : without(round.wanted),
    });
  }
});

function without(wanted: readonly Goods[]): Goods[] {
  return ordered
    .map(({ sku, quantity }) => ({
      sku,
      quantity: quantity - (wanted.find((each) => each.sku === sku)?.quantity ?? 0),
    }))
    .filter(({ quantity }) => quantity > 0);
}
