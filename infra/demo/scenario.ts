import { setTimeout as delay } from 'node:timers/promises';
import type { Audit, OrderVerdict } from '../audit/audit.ts';
import type { Step } from '../command.ts';
import { withoutBroker, withoutBrokerInTheMiddle, type KillBroker } from './broker-crash.ts';
import { stopCouponDatabase } from './coupon-outage.ts';
import type { Gate } from './gate.ts';
import { buy, giveBack, type DemoOrder, type Placed } from './life-of-an-order.ts';
import type { OrderPlan } from './plan.ts';
import { ShopClient } from './shop-client.ts';

/** Customers at the same time. */
const customerCount = 8;
/** The coupon database goes when so many orders are placed. */
const couponOutageAfter = 25;
/** A broken run ends here. */
const settleTimeoutMs = 240_000;

export interface Stage {
  step: Step;
  shop: ShopClient;
  namesrvAddr: string;
  databaseUrl: string;
  couponGate: Pick<Gate, 'close' | 'reopen'>;
  /** Undefined: the broker is not ours to kill. */
  killBroker: KillBroker | undefined;
  /** Kill the broker at the worst moment, between half messages and their commits, and not at any. */
  isKilledInTheMiddle: boolean;
}

/** All customers of the demo: most with everything there, the last ten without a broker, if it is ours to kill. */
export async function runCustomers(
  stage: Stage,
  plans: readonly OrderPlan[],
): Promise<DemoOrder[]> {
  const { step, shop, killBroker } = stage;
  const placed: Placed = new Map();
  const givingBack: Promise<DemoOrder>[] = [];
  let outage: Promise<void> | undefined;
  const buyAll = (some: readonly OrderPlan[], parallel: number): Promise<DemoOrder[]> =>
    inParallel(some, parallel, async (plan) => {
      const order = await buy(shop, plan, placed);
      if (placed.size >= couponOutageAfter) outage ??= startCouponOutage(stage);
      const whole = giveBack(shop, order);
      // Awaited at the end; until then a failure must not count as unhandled.
      whole.catch(() => undefined);
      givingBack.push(whole);
      return order;
    });
  const isLast = (plan: OrderPlan): boolean => plan.kind === 'without-broker';
  const first = await step('orders', async (say) => {
    say(`${customerCount} customers at work`);
    const orders = await buyAll(
      plans.filter((plan) => !isLast(plan)),
      customerCount,
    );
    say(
      `${orders.length} placed, ${orders.filter(({ paymentNo }) => paymentNo).length} of them paid for`,
    );
    return orders;
  });
  const last = plans.filter(isLast);
  await step(killBroker ? 'no broker' : 'more orders', async (say) => {
    const orders = await buyLast(stage, () => buyAll(last, last.length));
    const how = killBroker
      ? 'placed and paid for while the broker was dead, and it is back'
      : 'placed and paid for';
    say(`${orders.length} orders ${how}`);
  });
  await outage;
  const refunded = await step('refunds', async (say) => {
    const orders = await Promise.all(givingBack);
    const count = orders.filter(({ refundNo }) => refundNo !== undefined).length;
    say(`${count} asked for; what had been shipped has come back`);
    return orders;
  });
  if (refunded.length !== first.length + last.length)
    throw new Error('an order was lost on the way');
  return refunded;
}

function buyLast(
  { killBroker, databaseUrl, isKilledInTheMiddle }: Stage,
  work: () => Promise<DemoOrder[]>,
): Promise<DemoOrder[]> {
  if (killBroker === undefined) return work();
  return isKilledInTheMiddle
    ? withoutBrokerInTheMiddle(killBroker, databaseUrl, work)
    : withoutBroker(killBroker, work);
}

function startCouponOutage({ namesrvAddr, couponGate }: Stage): Promise<void> {
  console.log('    the coupon database is stopped; orders are placed and paid for all the same');
  const outage = stopCouponDatabase(couponGate, namesrvAddr).then(() => {
    console.log('    the coupon database is back; dead letters are taken up again');
  });
  outage.catch(() => undefined);
  return outage;
}

/** Waits until the databases say that every order has come to its end, or for so long that something must be lost. */
export async function waitForTheEnd(
  audit: Audit,
  orderNos: readonly string[],
  say: (words: string) => void,
): Promise<OrderVerdict[]> {
  const deadline = performance.now() + settleTimeoutMs;
  for (;;) {
    const verdicts = await audit.ofOrders(orderNos);
    const doneCount = verdicts.filter(({ findings }) => findings.length === 0).length;
    say(`${doneCount} of ${orderNos.length} orders at their end`);
    if (doneCount === orderNos.length || performance.now() > deadline) return verdicts;
    await delay(200);
  }
}

async function inParallel<T, R>(
  list: readonly T[],
  parallel: number,
  work: (entry: T) => Promise<R>,
): Promise<R[]> {
  const waiting = [...list];
  const done: R[] = [];
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      done.push(await work(next));
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  return done;
}
