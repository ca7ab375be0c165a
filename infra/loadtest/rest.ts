import { setTimeout as delay } from 'node:timers/promises';
import { Audit, type AuditOptions, type AuditReport } from '../audit/audit.ts';
import type { Finding } from '../audit/finding.ts';
import { compareWithRedis } from '../audit/sale-memory.ts';
import { schemas } from '../audit/schemas.ts';
import type { Say } from '../command.ts';
import type { Databases } from '../databases/databases.ts';
import type { ServiceEnv } from '../demo/pace.ts';
import type { Session } from '../session.ts';
import { BacklogUnknown, backlogText, sizeOf, type Backlog } from './backlog.ts';

/** How often one looks, and until when. */
export interface Patience {
  pollMs: number;
  timeoutMs: number;
}

/** Production's: half an hour to pay, and a little more. */
const productionOpenMs = 35 * 60_000;
/** How long after its time an order may be closed, when that time was made short. */
const closingMs = 60_000;
/** What came back to a sale is in its ledger before it is in Redis. */
const memoryTimeoutMs = 15_000;

/** Time for what a load has left behind to be done; a broken run ends here. */
const patience: Patience = { pollMs: 1_000, timeoutMs: 900_000 };

/**
 * Waits until nothing waits: no message for any consumer group, none in an outbox, twice in a row, for one may be on its way
 * from one to the other. Says how it goes.
 *
 * Returns false when it is not so in time; what was left is in the words.
 */
export async function untilDrained(
  read: () => Promise<Backlog>,
  say: Say,
  { pollMs, timeoutMs } = patience,
): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  let emptyTimes = 0;
  for (;;) {
    const backlog = await readIfKnown(read);
    if (backlog instanceof BacklogUnknown) say(backlog.message);
    else say(backlogText(backlog));
    const isEmpty = !(backlog instanceof BacklogUnknown) && sizeOf(backlog) === 0;
    emptyTimes = isEmpty ? emptyTimes + 1 : 0;
    if (emptyTimes === 2) return true;
    if (performance.now() > deadline) return false;
    await delay(pollMs);
  }
}

async function readIfKnown(read: () => Promise<Backlog>): Promise<Backlog | BacklogUnknown> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof BacklogUnknown) return error;
    throw error;
  }
}

/**
 * Audits until nothing is wrong, or for so long that something is: what is tried again after a pause, waits for its own delayed
 * check, or is packed, is in no backlog. `isOpenAwaited`: until no order is open any more either.
 */
export async function auditAtRest(
  audit: Pick<Audit, 'ofAll'>,
  options: AuditOptions & { isOpenAwaited: boolean },
  say: Say,
  { pollMs, timeoutMs } = patience,
): Promise<AuditReport> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const report = await audit.ofAll(options);
    const { orders, findings, underWay } = report;
    const open = underWay === 0 ? '' : `, ${underWay.toLocaleString('en')} not paid yet`;
    say(`${orders.toLocaleString('en')} orders${open}, ${findings.length} findings`);
    const isAtRest = findings.length === 0 && (underWay === 0 || !options.isOpenAwaited);
    if (isAtRest || performance.now() > deadline) return report;
    await delay(pollMs);
  }
}

/**
 * Audits everything the shop has, when it has come to rest, and what Redis admits customers by; orders that nobody pays are
 * waited for when `env` lets them close soon.
 */
export function auditShop(
  { step }: Pick<Session, 'step'>,
  { databaseUrl, redisUrl }: Databases,
  env: ServiceEnv,
): Promise<AuditReport> {
  const payMs = env.order?.['ORDER_PAY_TIMEOUT_MS'];
  const options =
    payMs === undefined
      ? { graceMs: 0, openMs: productionOpenMs, isOpenAwaited: false }
      : { graceMs: 0, openMs: Number(payMs) + closingMs, isOpenAwaited: true };
  return step('audit', async (say) => {
    const audit = await Audit.open(databaseUrl);
    try {
      const report = await auditAtRest(audit, options, say);
      const findings = [...report.findings, ...(await memoryFindings(audit, redisUrl))];
      return { ...report, findings };
    } finally {
      await audit.close();
    }
  });
}

async function memoryFindings(audit: Audit, redisUrl: string): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const saleId of await audit.openSales()) {
    const readSale = async () => (await audit.ofSale(saleId)).sale;
    findings.push(
      ...(await compareWithRedis(redisUrl, schemas.flashsale, readSale, memoryTimeoutMs)),
    );
  }
  return findings;
}
