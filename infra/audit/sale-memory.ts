import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { Finding } from './finding.ts';
import type { SaleFacts } from './sale-facts.ts';

const commandTimeoutMs = 5_000;

/** What Redis holds of a sale. */
export interface SaleMemory {
  /** Pieces that may still be given away. */
  remaining: number;
  tickets: number;
  /** Tickets whose message is not known to be safe. */
  pending: number;
}

/** Holds what Redis decides by against the ledger: what is given away is missing there, and nothing else. */
export function judgeMemory(sale: SaleFacts, memory: SaleMemory): Finding[] {
  const { saleId, stock, liveTickets } = sale;
  const { remaining, tickets, pending } = memory;
  const findings: Finding[] = [];
  const due = stock - liveTickets;
  if (remaining > due) {
    const what = `${remaining} pieces left in Redis, ${due} by the ledger`;
    findings.push({ orderNo: saleId, kind: 'duplicated', what });
  }
  if (remaining < due) {
    const what = `${due - remaining} pieces: ${remaining} left in Redis, ${due} by the ledger`;
    findings.push({ orderNo: saleId, kind: 'lost', what });
  }
  if (tickets !== liveTickets) {
    const what = `${tickets} tickets in Redis, ${liveTickets} in the ledger`;
    findings.push({ orderNo: saleId, kind: 'wrong', what });
  }
  if (pending > 0) {
    const what = `end of ${pending} tickets whose message may never have left`;
    findings.push({ orderNo: saleId, kind: 'lost', what });
  }
  return findings;
}

/**
 * Compares a sale that is open in Redis with the ledger, until the two agree or for so long that they never will: what comes back
 * is in the ledger a moment before it is in Redis. Says nothing of a sale that Redis does not have.
 */
export async function compareWithRedis(
  redisUrl: string,
  schema: string,
  readSale: () => Promise<SaleFacts | undefined>,
  timeoutMs: number,
): Promise<Finding[]> {
  const redis = new Redis(redisUrl, { commandTimeout: commandTimeoutMs });
  try {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const sale = await readSale();
      if (sale === undefined || sale.state !== 'OPEN') return [];
      const memory = await readMemory(redis, schema, sale.saleId);
      if (memory === undefined) return [];
      const findings = judgeMemory(sale, memory);
      if (findings.length === 0 || performance.now() > deadline) return findings;
      await delay(200);
    }
  } finally {
    redis.disconnect();
  }
}

async function readMemory(
  redis: Redis,
  schema: string,
  saleId: string,
): Promise<SaleMemory | undefined> {
  const key = (name: string): string => `${schema}:${name}:{${saleId}}`;
  const remaining = await redis.hget(key('sale'), 'remaining');
  if (remaining === null || (await redis.exists(key('state'))) === 0) return undefined;
  return {
    remaining: Number(remaining),
    tickets: await redis.hlen(key('tickets')),
    pending: await redis.zcard(key('pending')),
  };
}
