import { join, relative } from 'node:path';
import { Audit } from '../audit/audit.ts';
import { auditText, findingTable } from '../audit/report.ts';
import { compareWithRedis } from '../audit/sale-memory.ts';
import { schemas } from '../audit/schemas.ts';
import type { Command } from '../command.ts';
import { prepareDatabases, startDatabases, type Databases } from '../databases/databases.ts';
import { thisMachine } from '../databases/machine.ts';
import { deadLetterOrders } from '../demo/coupon-outage.ts';
import { runFlashSale, type SaleRun } from '../demo/flash-sale.ts';
import { Gate } from '../demo/gate.ts';
import type { DemoOrder } from '../demo/life-of-an-order.ts';
import { planOrders } from '../demo/plan.ts';
import {
  buyersFindings,
  timelineTable,
  isGoodRun,
  verdictOf,
  workTable,
  type SaleOutcome,
  type Verdict,
} from '../demo/report.ts';
import { SaleClient } from '../demo/sale-client.ts';
import { runCustomers, waitForTheEnd } from '../demo/scenario.ts';
import { serviceNames, Services, type ServiceEnv } from '../demo/services.ts';
import { ShopClient } from '../demo/shop-client.ts';
import { startCluster } from '../demo/topology.ts';
import { noteEndpoints } from '../endpoints.ts';
import { runSession, type Session } from '../session.ts';

/** Effects of other runs that are younger may be under way. */
const graceMs = 60_000;
const openMs = 35 * 60_000;
/** What came back to a sale is in its ledger before it is in Redis. */
const memoryTimeoutMs = 15_000;
/** What the last orders came to is in the copy a moment later; a broken copy never has it. */
const copyMs = 60_000;

/** `npm run demo`. What it does is in command-line.mjs, in the words of its --help. */
export const run: Command = async (context) => {
  const { options, root } = context;
  const namesrvAddr = process.env['NAMESRV_ADDR'] || undefined;
  if (options.killBroker && namesrvAddr !== undefined) {
    console.error('--kill-broker kills our own broker; with NAMESRV_ADDR there is none.');
    return 2;
  }
  const seed = options.seed ?? Math.floor(Math.random() * 1_000_000);
  let verdict: Verdict | undefined;
  const exitCode = await runSession(context, async (session) => {
    const sources = await prepareDatabases(thisMachine, session);
    const [databases, cluster] = await Promise.all([
      startDatabases(thisMachine, session, sources),
      startCluster(session, root, namesrvAddr),
    ]);
    const { databaseUrl } = databases;
    noteEndpoints(session.slot, databases);
    const couponGate = await gateTo(databases);
    const couponUrl = throughGate(databaseUrl, couponGate);
    const at = { namesrvAddr: cluster.namesrvAddr, databases };
    const services = await Services.start(
      session,
      root,
      at,
      hurried(couponUrl, cluster.isOwn, seed),
    );
    const { urls } = services;
    const logs = relative(process.cwd(), join(session.slot.dir, 'logs'));
    console.log(
      `  Everything runs, ${seconds().toFixed(1)} s after the command. Logs: ${logs}. Seed: ${seed}`,
    );

    const shop = new ShopClient(urls);
    const stage = {
      session,
      shop,
      cluster,
      databaseUrl,
      couponGate,
      isKilledInTheMiddle: options.killBroker,
    };
    const sales = new SaleClient(urls.flashsale, services.customerTokenSecret);
    const [orders, saleRun] = await Promise.all([
      runCustomers(stage, planOrders(seed)),
      runFlashSale(session, sales, shop),
    ]);
    const audit = await Audit.open(databaseUrl);
    const orderNos = orders.map(({ orderNo }) => orderNo);
    const saleNos = saleRun.orders.map(({ orderNo }) => orderNo);
    const all = await session.step('the rest', (say) =>
      waitForTheEnd(audit, [...orderNos, ...saleNos], say),
    );
    const verdicts = all.slice(0, orders.length);
    const sale = {
      run: saleRun,
      verdicts: all.slice(orders.length),
      ...(await judgeSale(audit, saleRun, databases)),
    };
    await sales.close(saleRun.saleId);
    await refusals(session, shop, orders);
    const whole = await session.step('audit', async (say) => {
      const report = await audit.ofAll({ graceMs, openMs, copyMs });
      say(`${report.orders} orders; ${report.copy?.rows ?? 0} rows held against the copy`);
      return report;
    });
    await audit.close();
    const numbers = new Set([...orderNos, ...saleNos]);
    const deadLetters = await deadLetterOrders(cluster.namesrvAddr, numbers);
    const outcome = { orders, verdicts, sale, whole, deadLetters };
    verdict = verdictOf({ ...outcome, seed, seconds: seconds() });
    const counters = await countersOf(shop);
    const facts = all.map((each) => each.facts);
    const findings = [
      ...all.flatMap((each) => each.findings),
      ...buyersFindings([...orders, ...saleRun.orders], all),
      ...sale.findings,
    ];
    console.log(`\n${timelineTable(orders, verdicts)}\n\n${workTable(facts, counters)}\n`);
    console.log(`  Audit of this run: ${verdict.lost} lost, ${verdict.duplicated} duplicated`);
    console.log(auditText(whole));
    if (findings.length > 0) console.log(findingTable(findings));
    if (whole.findings.length > 0) console.log(findingTable(whole.findings));
    console.log();

    const isGood = isGoodRun(verdict);
    if (options.once) return isGood ? 0 : 1;
    await services.restart('order', {});
    await services.restart('coupon', {});
    await couponGate.close();
    const docs = serviceNames.map((name) => `  ${name.padEnd(12)}${urls[name]}/docs`);
    console.log(
      `${docs.join('\n')}\n  reports     ${urls.sync}/reports\n` +
        `  a customer's token, for an hour: ${sales.tokenOf('user-1')}\n` +
        `  name server ${cluster.namesrvAddr}   ${databaseUrl}   ${databases.redisUrl}\n` +
        '  From now on orders have 30 minutes to be paid. Ctrl-C stops everything.',
    );
    session.exitCodeWhenInterrupted = isGood ? 0 : 1;
    return await new Promise<never>(() => undefined);
  });
  // Last, and after everything has stopped: who reads this line can rely on nothing being left.
  if (options.once && verdict !== undefined) console.log(JSON.stringify(verdict));
  return exitCode;
};

/** What the ledger says of the sale, and whether Redis decides by the same. */
async function judgeSale(
  audit: Audit,
  { saleId }: SaleRun,
  { redisUrl }: Databases,
): Promise<Pick<SaleOutcome, 'facts' | 'findings'>> {
  const readSale = async () => (await audit.ofSale(saleId)).sale;
  const inRedis = await compareWithRedis(redisUrl, schemas.flashsale, readSale, memoryTimeoutMs);
  const { sale, findings } = await audit.ofSale(saleId);
  return { facts: sale, findings: [...findings, ...inRedis] };
}

/** Since the command was typed: Node's clock starts with the process. */
function seconds(): number {
  return performance.now() / 1_000;
}

function gateTo({ databaseUrl }: Databases): Promise<Gate> {
  const { hostname, port } = new URL(databaseUrl);
  return Gate.open({ host: hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port || 3306) });
}

function throughGate(databaseUrl: string, gate: Gate): string {
  const url = new URL(databaseUrl);
  url.hostname = '127.0.0.1';
  url.port = String(gate.port);
  return url.href;
}

/**
 * Half an hour, a minute between two tries of a dead letter, and sixteen retries are for production. The third party fails
 * now and then; a payment it has not called back about is asked after within 2 s.
 */
function hurried(couponUrl: string, isOwnCluster: boolean, seed: number): ServiceEnv {
  const checks = { RESERVATION_CHECK_DELAY_MS: '10000', DEAD_LETTER_RETRY_LEVEL: '1' };
  return {
    order: { ORDER_PAY_TIMEOUT_MS: '12000', ORDER_CLOSE_GRACE_MS: '60000' },
    // A cluster that was given has its own pauses: 10 s, then 30 s.
    coupon: {
      ...checks,
      DATABASE_URL: couponUrl,
      MAX_RECONSUME_TIMES: isOwnCluster ? '2' : '1',
    },
    stock: checks,
    payment: { PAYMENT_QUERY_DELAY_MS: '2000' },
    warehouse: { PACKING_MS: '4000' },
    'third-party': {
      THIRD_PARTY_SEED: String(seed),
      CHANNEL_DUPLICATE_CALLBACK_RATE: '0.2',
      CHANNEL_LOST_CALLBACK_RATE: '0.05',
      CHANNEL_ERROR_RATE: isOwnCluster ? '0.05' : '0',
      CARRIER_ERROR_RATE: isOwnCluster ? '0.1' : '0',
    },
  };
}

/** What must be refused is refused, and the answer says why. */
async function refusals(
  { step }: Session,
  shop: ShopClient,
  orders: readonly DemoOrder[],
): Promise<void> {
  const orderOf = (kind: DemoOrder['plan']['kind']): string | undefined =>
    orders.find(({ plan }) => plan.kind === kind)?.orderNo;
  const unpaid = orderOf('unpaid');
  const refunded = orderOf('refunded-before-shipping');
  await step('refused', async (say) => {
    const answers = [];
    if (unpaid !== undefined) {
      answers.push(await shop.refused('payment', '/payments', { orderNo: unpaid }));
      answers.push(await shop.refused('order', `/orders/${unpaid}/refunds`, {}));
    }
    if (refunded !== undefined) {
      answers.push(await shop.refused('order', `/orders/${refunded}/refunds`, {}));
    }
    for (const answer of answers) console.log(`    409: ${answer}`);
    say(`${answers.length} requests that come too late`);
  });
}

async function countersOf(shop: ShopClient): Promise<Record<string, number>> {
  const consumed = 'millrace_messages_consumed_total';
  return {
    'order spooled': await shop.metric('order', 'millrace_messages_spooled_total'),
    callbacks: await shop.metric('payment', 'millrace_channel_callbacks_total'),
    'callbacks twice': await shop.metric(
      'payment',
      'millrace_channel_callbacks_total',
      'outcome="duplicate"',
    ),
    'dead letters': await shop.metric('coupon', 'millrace_dead_letters_total'),
    'ship retries': await shop.metric('warehouse', consumed, 'outcome="retried"'),
  };
}
