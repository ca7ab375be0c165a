import { Audit } from '../audit/audit.ts';
import { auditText, findingTable } from '../audit/report.ts';
import { compareWithRedis } from '../audit/sale-memory.ts';
import { schemas } from '../audit/schemas.ts';
import type { Step } from '../command.ts';
import { deadLetterOrders } from './coupon-outage.ts';
import { runFlashSale, type SaleRun } from './flash-sale.ts';
import type { DemoOrder } from './life-of-an-order.ts';
import { planOrders } from './plan.ts';
import {
  buyersFindings,
  timelineTable,
  verdictOf,
  workTable,
  type SaleOutcome,
  type Verdict,
} from './report.ts';
import type { SaleClient } from './sale-client.ts';
import { runCustomers, waitForTheEnd, type Stage } from './scenario.ts';
import type { ShopClient } from './shop-client.ts';

/** Effects of other runs that are younger may be under way. */
const graceMs = 60_000;
const openMs = 35 * 60_000;
/** What came back to a sale is in its ledger before it is in Redis. */
const memoryTimeoutMs = 15_000;
/** What the last orders came to is in the copy a moment later; a broken copy never has it. */
const copyMs = 60_000;

/** A shop that runs, and which orders come to it. */
export interface Play extends Stage {
  sales: SaleClient;
  redisUrl: string;
  seed: number;
}

/** Sends the orders and the flash sale of the demo through a shop, waits for their end, audits, and prints what became of it. */
export async function playDemo(play: Play): Promise<Verdict> {
  const { step, shop, sales, seed, databaseUrl, namesrvAddr } = play;
  const [orders, saleRun] = await Promise.all([
    runCustomers(play, planOrders(seed)),
    runFlashSale(step, sales, shop),
  ]);
  const audit = await Audit.open(databaseUrl);
  const orderNos = orders.map(({ orderNo }) => orderNo);
  const saleNos = saleRun.orders.map(({ orderNo }) => orderNo);
  const all = await step('the rest', (say) => waitForTheEnd(audit, [...orderNos, ...saleNos], say));
  const verdicts = all.slice(0, orders.length);
  const sale = {
    run: saleRun,
    verdicts: all.slice(orders.length),
    ...(await judgeSale(audit, saleRun, play.redisUrl)),
  };
  await sales.close(saleRun.saleId);
  await refusals(step, shop, orders);
  const whole = await step('audit', async (say) => {
    const report = await audit.ofAll({ graceMs, openMs, copyMs });
    say(`${report.orders} orders; ${report.copy?.rows ?? 0} rows held against the copy`);
    return report;
  });
  await audit.close();
  const numbers = new Set([...orderNos, ...saleNos]);
  const deadLetters = await deadLetterOrders(namesrvAddr, numbers);
  const outcome = { orders, verdicts, sale, whole, deadLetters };
  const verdict = verdictOf({ ...outcome, seed, seconds: seconds() });
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
  return verdict;
}

/** What the ledger says of the sale, and whether Redis decides by the same. */
async function judgeSale(
  audit: Audit,
  { saleId }: SaleRun,
  redisUrl: string,
): Promise<Pick<SaleOutcome, 'facts' | 'findings'>> {
  const readSale = async () => (await audit.ofSale(saleId)).sale;
  const inRedis = await compareWithRedis(redisUrl, schemas.flashsale, readSale, memoryTimeoutMs);
  const { sale, findings } = await audit.ofSale(saleId);
  return { facts: sale, findings: [...findings, ...inRedis] };
}

/** Since the process was started: Node's clock starts with it. */
function seconds(): number {
  return performance.now() / 1_000;
}

/** What must be refused is refused, and the answer says why. */
async function refusals(step: Step, shop: ShopClient, orders: readonly DemoOrder[]): Promise<void> {
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
