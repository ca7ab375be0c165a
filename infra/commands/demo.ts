import { join, relative } from 'node:path';
import { Audit, heldToBuyers, type OrderWay } from '../audit.ts';
import type { Command } from '../command.ts';
import { prepareDatabases, startDatabases } from '../databases/databases.ts';
import { thisMachine } from '../databases/machine.ts';
import { BrokerCrash } from '../demo/broker-crash.ts';
import { Buyer } from '../demo/buyer.ts';
import { CouponOutage } from '../demo/coupon-outage.ts';
import { auditText, verdictOf, wayTable, type Verdict } from '../demo/report.ts';
import {
  hasCoupon,
  isClosed,
  isComplete,
  placeFirstOrders,
  placeLateOrders,
  waitForWays,
  type PlacedOrders,
} from '../demo/scenario.ts';
import { Services, type Haste, type ServiceUrls } from '../demo/services.ts';
import { startCluster } from '../demo/topology.ts';
import { runSession, type Session } from '../session.ts';

/** `npm run demo`. What it does is in command-line.mjs, in the words of its --help. */
export const run: Command = async (context) => {
  const { options, root } = context;
  const namesrvAddr = process.env['NAMESRV_ADDR'] || undefined;
  if (options.killBroker && namesrvAddr !== undefined) {
    console.error('--kill-broker kills our own broker; with NAMESRV_ADDR there is none.');
    return 2;
  }
  let verdict: Verdict | undefined;
  const exitCode = await runSession(context, async (session) => {
    const sources = await prepareDatabases(thisMachine, session);
    const [databases, cluster] = await Promise.all([
      startDatabases(thisMachine, session, sources),
      startCluster(session, root, namesrvAddr),
    ]);
    const { databaseUrl } = databases;
    const outage = new CouponOutage(databaseUrl, cluster.namesrvAddr);
    if (await outage.mend()) console.log('  put back the table that a killed demo had taken away');
    const haste = hasteOf(options.killBroker, namesrvAddr !== undefined);
    const services = await Services.start(session, root, cluster.namesrvAddr, databases, haste);
    const { urls } = services;
    const logs = relative(process.cwd(), join(session.slot.dir, 'logs'));
    console.log(`  Everything runs, ${seconds().toFixed(1)} s after the command. Logs: ${logs}`);

    const audit = await Audit.open(databaseUrl);
    const crash =
      options.killBroker && cluster.broker !== undefined
        ? new BrokerCrash(cluster.broker, databaseUrl)
        : undefined;
    const first = await placeAndPay(session, urls, crash);
    await session.step('coupons', async (say) => {
      const ways = await waitForWays(audit, first.paid, hasCoupon);
      say(`${ways.filter(hasCoupon).length} issued for ${first.paid.length} paid orders`);
    });
    const late = await payWithoutCoupons(session, urls, outage);
    await closeUnpaid(session, urls, audit, first.unpaid, haste);
    const orderNos = [...first.paid, ...first.unpaid, ...late.orderNos];
    const found = await session.step('the rest', async (say) => {
      const waited = await waitForWays(audit, orderNos, isComplete);
      say(`${waited.filter(isComplete).length} of ${waited.length} orders at their end`);
      return waited;
    });
    const ways = heldToBuyers(found, {
      paid: [...first.paid, ...late.orderNos],
      unpaid: first.unpaid,
    });
    const whole = await audit.wholeDatabase();
    await audit.close();
    verdict = verdictOf(ways, whole, late.redriven, seconds());
    console.log(`\n${wayTable(ways, late.redriven)}\n\n${auditText(verdict, whole)}\n`);

    const isGood = verdict.lost === 0 && verdict.duplicated === 0;
    if (options.once) return isGood ? 0 : 1;
    await services.takeTime();
    console.log(
      `  order   ${urls.order}/docs\n  coupon  ${urls.coupon}/docs\n  push    ${urls.push}/docs\n` +
        `  name server ${cluster.namesrvAddr}   ${databaseUrl}   ${databases.redisUrl}\n` +
        '  Ctrl-C stops everything.',
    );
    session.exitCodeWhenInterrupted = isGood ? 0 : 1;
    return await new Promise<never>(() => undefined);
  });
  // Last, and after everything has stopped: who reads this line can rely on nothing being left.
  if (options.once && verdict !== undefined) console.log(JSON.stringify(verdict));
  return exitCode;
};

/** Since the command was typed: Node's clock starts with the process. */
function seconds(): number {
  return performance.now() / 1_000;
}

/** Half an hour and sixteen retries are for production. A cluster that was given has its own pauses: 10 s, then 30 s. */
function hasteOf(isKilled: boolean, isGivenCluster: boolean): Haste {
  return {
    // An order must not be closed because its buyer waits for the broker.
    payTimeoutMs: isKilled ? 12_000 : 4_000,
    couponRetryCount: isGivenCluster ? 1 : 2,
  };
}

function placeAndPay(
  session: Session,
  urls: ServiceUrls,
  crash: BrokerCrash | undefined,
): Promise<PlacedOrders> {
  return session.step('orders', async (say) => {
    say('four buyers at work');
    const orders = await placeFirstOrders(urls, {
      onPlaced: async (count) => crash?.onPlaced(count),
      onRefused: () => crash?.onRefused(),
    });
    await crash?.isOver();
    say(`${orders.paid.length} placed and paid, ${orders.unpaid.length} placed and left unpaid`);
    return orders;
  });
}

/** Takes the table of coupons away while orders are paid, and gives it and the dead letters back. */
async function payWithoutCoupons(
  { step }: Session,
  urls: ServiceUrls,
  outage: CouponOutage,
): Promise<{ orderNos: readonly string[]; redriven: readonly string[] }> {
  await outage.begin();
  try {
    const orders = await step('no coupons', async (say) => {
      const { paid } = await placeLateOrders(urls);
      say(`the table of coupons is gone; ${paid.length} more orders placed and paid all the same`);
      return paid;
    });
    const letters = await step('dead letters', async (say) => {
      say('the coupons of these orders are retried');
      const found = await outage.deadLetters(orders);
      say(`${found.size} in %DLQ%coupon-on-order-paid, after their retries`);
      return found;
    });
    await outage.end();
    const redriven = await step('redrive', async (say) => {
      const results = await outage.redrive();
      const lines = results.map(({ msgId, status, error }) => {
        const letter = letters.get(msgId ?? '');
        const reason = error === undefined ? '' : ` (${error.message})`;
        return `    ${letter?.orderNo ?? msgId ?? '?'}  ${letter?.tryCount ?? '?'} tries  ${status}${reason}`;
      });
      console.log(lines.join('\n'));
      const done = results
        .filter(({ status }) => status === 'REDRIVEN')
        .map(({ msgId }) => letters.get(msgId ?? '')?.orderNo ?? '')
        .filter((orderNo) => orders.includes(orderNo));
      say(
        `the table is back, ${done.length} of ${orders.length} messages sent to their group again`,
      );
      return done;
    });
    return { orderNos: orders, redriven };
  } catch (error) {
    await outage.mend();
    throw error;
  }
}

function closeUnpaid(
  { step }: Session,
  urls: ServiceUrls,
  audit: Audit,
  unpaid: readonly string[],
  { payTimeoutMs }: Haste,
): Promise<OrderWay[]> {
  return step('closing', async (say) => {
    say(`${unpaid.length} unpaid orders, ${payTimeoutMs / 1_000} s after they were placed`);
    const ways = await waitForWays(audit, unpaid, isClosed);
    const [late] = ways.filter(isClosed);
    if (late !== undefined) {
      const refusal = await new Buyer(urls).payTooLate(late.orderNo);
      console.log(`    a buyer pays too late and gets 409: ${refusal}`);
    }
    say(
      `${ways.filter(isClosed).length} of ${unpaid.length} unpaid orders closed by their message`,
    );
    return ways;
  });
}
