import { setTimeout as delay } from 'node:timers/promises';
import { Audit } from '../audit/audit.ts';
import type { Finding } from '../audit/finding.ts';
import { countsOf, findingTable } from '../audit/report.ts';
import { compareWithRedis } from '../audit/sale-memory.ts';
import { schemas } from '../audit/schemas.ts';
import { Load } from '../chaos/load.ts';
import { SaleLoad, ticketFindings } from '../chaos/sale-load.ts';
import type { Command } from '../command.ts';
import {
  prepareDatabases,
  startDatabases,
  type Databases,
  type Sources,
} from '../databases/databases.ts';
import { thisMachine } from '../databases/machine.ts';
import { buyersFindings } from '../demo/report.ts';
import { SaleClient } from '../demo/sale-client.ts';
import { waitForTheEnd } from '../demo/scenario.ts';
import type { ServiceEnv } from '../demo/pace.ts';
import { serviceNames, Services } from '../demo/services.ts';
import { ShopClient } from '../demo/shop-client.ts';
import { startCluster } from '../demo/topology.ts';
import { SeededRandom } from '../seeded-random.ts';
import { runSession, type Session } from '../session.ts';

/** How long customers come before the kill, while the process is gone, and after it is back. */
const beforeMs = { least: 500, spread: 1_500 };
const goneMs = { least: 300, spread: 1_500 };
const afterMs = 1_000;
/** Until nothing is set aside for an order that never came to be. */
const restTimeoutMs = 120_000;
/** Until Redis decides again by what the ledger says. */
const memoryTimeoutMs = 120_000;

/** One kill, and what the audit said when everything had come to rest. */
interface Outcome {
  victim: string;
  orders: number;
  /** Customers who were admitted to the flash sale that went on meanwhile. */
  tickets: number;
  refused: number;
  lost: number;
  duplicated: number;
  restSeconds: number;
}

interface Stage {
  session: Session;
  shop: ShopClient;
  sales: SaleClient;
  databases: Databases;
  random: SeededRandom;
  /** What was wrong before this kill: orders that a command of before has left on their way, and what earlier kills have done. */
  known: Set<string>;
}

/** `npm run test:chaos`. What it does is in command-line.mjs, in the words of its --help. */
export const run: Command = async (context) => {
  const { options, root } = context;
  const seed = options.seed ?? Math.floor(Math.random() * 1_000_000);
  const random = new SeededRandom(seed);
  return runSession(context, async (session) => {
    const sources = await prepareDatabases(thisMachine, session);
    const [databases, cluster] = await Promise.all([
      startDatabases(thisMachine, session, sources),
      startCluster(session, root, undefined),
    ]);
    const at = { namesrvAddr: cluster.namesrvAddr, databases };
    const services = await Services.start(session, root, at, hurried);
    const shop = new ShopClient(services.urls);
    const sales = new SaleClient(services.urls.flashsale, services.customerTokenSecret);
    const victims = victimsOf(sources);
    const rounds = Array.from({ length: options.rounds ?? 1 }, () => random.shuffled(victims));
    console.log(
      `  ${rounds.flat().length} kills to come. Seed ${seed}: npm run test:chaos -- --seed ${seed} --rounds ${rounds.length}`,
    );
    const known = await whatIsKnown(databases.databaseUrl);
    const stage = { session, shop, sales, databases, random, known };
    const outcomes: Outcome[] = [];
    for (const [index, victim] of rounds.flat().entries()) {
      outcomes.push(await killOnce(stage, victim, (seed + 1_000 * (index + 1)) % 2 ** 32));
    }
    console.log(`\n${outcomeTable(outcomes)}\n`);
    const failed = outcomes.filter(({ lost, duplicated }) => lost + duplicated > 0).length;
    console.log(`${outcomes.length - failed} passed, ${failed} failed`);
    return failed === 0 ? 0 : 1;
  });
};

/** Every process that is ours. A server that was given, or that runs in a container, is left alone. */
function victimsOf({ mariadb, redis }: Sources): string[] {
  return [
    ...serviceNames,
    'broker',
    'namesrv',
    ...(isOurs(mariadb) ? ['mariadb'] : []),
    ...(isOurs(redis) ? ['redis'] : []),
  ];
}

function isOurs({ kind }: Sources['redis']): boolean {
  return kind === 'path' || kind === 'packages';
}

function killOnce(stage: Stage, victim: string, seed: number): Promise<Outcome> {
  const { session, shop, sales, databases, random, known } = stage;
  return session.step(`kill ${victim}`, async (say) => {
    const refusedBefore = shop.refusedCount + sales.refusedCount;
    const load = new Load(shop, seed);
    load.open();
    const saleLoad = await SaleLoad.open(sales, shop, seed);
    const { saleId } = saleLoad;
    say('customers come');
    await delay(beforeMs.least + random.below(beforeMs.spread));
    const startAgain = await session.processes.kill(victim);
    say('killed with SIGKILL, customers still come');
    await delay(goneMs.least + random.below(goneMs.spread));
    await startAgain();
    const backAt = performance.now();
    say('back, customers still come');
    await delay(afterMs);
    const [bought, sold] = await Promise.all([load.close(), saleLoad.close()]);
    const orders = [...bought, ...sold.orders];
    const orderNos = orders.map(({ orderNo }) => orderNo);
    // A connection of its own: the database may have been the one that was killed.
    const audit = await Audit.open(databases.databaseUrl);
    const verdicts = await waitForTheEnd(audit, orderNos, say);
    const whole = await auditAtRest(audit, known, say);
    for (const finding of whole) known.add(keyOf(finding));
    const readSale = async () => (await audit.ofSale(saleId)).sale;
    const inRedis = await compareWithRedis(
      databases.redisUrl,
      schemas.flashsale,
      readSale,
      memoryTimeoutMs,
    );
    const ledger = await audit.ofSale(saleId);
    await sales.close(saleId);
    const restSeconds = (performance.now() - backAt) / 1_000;
    await audit.close();
    const findings = [
      ...whole,
      ...buyersFindings(orders, verdicts),
      ...ticketFindings(sold.told, ledger),
      ...inRedis,
    ];
    if (findings.length > 0) console.log(findingTable(findings));
    const { lost, duplicated, wrong } = countsOf(findings);
    const refused = shop.refusedCount + sales.refusedCount - refusedBefore;
    const tickets = sold.told.length;
    say(
      `${orders.length} orders, ${tickets} of them from a sale, ${refused} times "not just now"; ` +
        `${lost} lost, ${duplicated + wrong} duplicated`,
    );
    return {
      victim,
      orders: orders.length,
      tickets,
      refused,
      lost,
      duplicated: duplicated + wrong,
      restSeconds,
    };
  });
}

/**
 * Orders that were given up when something was killed leave goods and coupons set aside; their own delayed checks let them go
 * after seconds. What is wrong for longer is wrong.
 */
async function auditAtRest(
  audit: Audit,
  known: ReadonlySet<string>,
  say: (doing: string) => void,
): Promise<Finding[]> {
  const deadline = performance.now() + restTimeoutMs;
  for (;;) {
    const { findings } = await audit.ofAll({ graceMs: 0, openMs: 0 });
    const fresh = findings.filter((finding) => !known.has(keyOf(finding)));
    const [first] = fresh;
    if (first === undefined || performance.now() > deadline) return fresh;
    say(`not at rest yet: ${fresh.length} findings, one is ${keyOf(first)}`);
    await delay(500);
  }
}

async function whatIsKnown(databaseUrl: string): Promise<Set<string>> {
  const audit = await Audit.open(databaseUrl);
  const { findings } = await audit.ofAll({ graceMs: 0, openMs: 0 });
  await audit.close();
  return new Set(findings.map((finding) => keyOf(finding)));
}

function keyOf({ orderNo, what }: Finding): string {
  return `${orderNo} ${what}`;
}

function outcomeTable(outcomes: readonly Outcome[]): string {
  const header = [
    'killed',
    'orders',
    'sale',
    'not just now',
    'at rest after',
    'lost',
    'duplicated',
  ];
  const rows = outcomes.map(
    ({ victim, orders, tickets, refused, restSeconds, lost, duplicated }) => [
      victim,
      String(orders),
      String(tickets),
      String(refused),
      `${restSeconds.toFixed(1)} s`,
      String(lost),
      String(duplicated),
    ],
  );
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]!.length)),
  );
  return [header, ...rows]
    .map((row) =>
      row
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!),
        )
        .join('  '),
    )
    .map((line) => `  ${line}`)
    .join('\n');
}

/** What takes half an hour in a shop takes seconds here: a run must not. */
const hurried: ServiceEnv = {
  order: {
    ORDER_PAY_TIMEOUT_MS: '8000',
    ORDER_CLOSE_GRACE_MS: '60000',
    DEAD_LETTER_RETRY_LEVEL: '1',
  },
  coupon: { RESERVATION_CHECK_DELAY_MS: '5000', DEAD_LETTER_RETRY_LEVEL: '1' },
  push: { DEAD_LETTER_RETRY_LEVEL: '1' },
  stock: { RESERVATION_CHECK_DELAY_MS: '5000', DEAD_LETTER_RETRY_LEVEL: '1' },
  payment: { PAYMENT_QUERY_DELAY_MS: '2000', DEAD_LETTER_RETRY_LEVEL: '1' },
  points: { DEAD_LETTER_RETRY_LEVEL: '1' },
  warehouse: { PACKING_MS: '1000', DEAD_LETTER_RETRY_LEVEL: '1' },
  refund: { DEAD_LETTER_RETRY_LEVEL: '1' },
  // Two gates behind one port, and a keeper beside them that gives up within 4 s what was admitted and never sent.
  flashsale: {
    FLASHSALE_GATE_PROCESSES: '2',
    FLASHSALE_SEND_TIMEOUT_MS: '2000',
    FLASHSALE_PENDING_TIMEOUT_MS: '4000',
  },
};
