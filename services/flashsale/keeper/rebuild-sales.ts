import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from '../../common/clock.ts';
import { Log } from '../../common/log.ts';
import type { FlashSale } from '../domain/flash-sale.ts';
import { FlashSaleRepository } from '../persistence/flash-sale.repository.ts';
import { TicketLedger } from '../persistence/ticket-ledger.ts';
import { SaleRebuild } from '../redis/sale-rebuild.ts';
import { SaleRedis } from '../redis/sale-redis.ts';
import { isNotReady, SaleState } from '../redis/sale-state.ts';
import { MessagesOnTheWay, type Mark } from './messages-on-the-way.ts';
import { outcomeOf, TellRedis } from './tell-redis.ts';

const PAGE_COUNT = 10_000;
/** By as much the clocks of two keepers, or of a keeper and Redis, may differ. */
const CLOCK_DIFFERENCE_MS = 60_000;

/** How long a message may still be sent after its ticket was admitted. */
export class SendGrace {
  readonly ms: number;

  constructor(ms: number) {
    this.ms = ms;
  }
}

/** A sale that Redis does not know, or knew before it was restarted. */
interface Lost {
  runId: string;
  /** On the steady clock: since when nobody can have been admitted. */
  sinceMs: number;
  /** How far the keeper has to have come; undefined until the gates cannot send any more. */
  mark: Mark | undefined;
}

/**
 * Builds in Redis what the ledger knows of a sale, when Redis has forgotten it or was restarted; until then nobody is admitted.
 *
 * The ledger knows it all once every message of a customer who was admitted before has come in. So it is read last: first the
 * gates, which may be sending still what they had admitted when Redis went, have had their time; then the outbox, their spool,
 * has nothing of it left; then the keeper has come as far as the broker had messages by then.
 */
@Injectable()
export class RebuildSales {
  readonly #lost = new Map<string, Lost>();

  constructor(
    private readonly dataSource: DataSource,
    private readonly sales: FlashSaleRepository,
    private readonly ledger: TicketLedger,
    private readonly redis: SaleRedis,
    private readonly state: SaleState,
    private readonly rebuild: SaleRebuild,
    private readonly onTheWay: MessagesOnTheWay,
    private readonly tellRedis: TellRedis,
    private readonly grace: SendGrace,
    private readonly clock: Clock,
    private readonly log: Log,
  ) {}

  /** True when the sale can be sold; else a step nearer to that. Errors: those of Redis, the database and the broker. */
  async execute(sale: FlashSale): Promise<boolean> {
    const { saleId } = sale;
    if (await this.#isReady(saleId)) {
      this.#lost.delete(saleId);
      return true;
    }
    const lost = this.#lostSince(saleId);
    if (!(await this.#hasCome(sale, lost))) return false;
    // Redis may have been restarted meanwhile, after another keeper had built the sale and customers were admitted to it.
    if (this.redis.runId !== lost.runId) return false;
    return this.#build(sale);
  }

  async #isReady(saleId: string): Promise<boolean> {
    try {
      await this.state.read(saleId);
      return true;
    } catch (error) {
      if (!isNotReady(error)) throw error;
      return false;
    }
  }

  #lostSince(saleId: string): Lost {
    const { runId } = this.redis;
    const known = this.#lost.get(saleId);
    if (known?.runId === runId) return known;
    const lost: Lost = { runId, sinceMs: performance.now(), mark: undefined };
    this.#lost.set(saleId, lost);
    return lost;
  }

  /** Has every message come in that there can be? */
  async #hasCome({ startsAt }: FlashSale, lost: Lost): Promise<boolean> {
    // Nobody can have been admitted yet, whichever clock is right.
    if (startsAt.getTime() > this.clock.now().getTime() + CLOCK_DIFFERENCE_MS) return true;
    if (lost.mark === undefined) {
      if (performance.now() < lost.sinceMs + this.grace.ms) return false;
      lost.mark = await this.onTheWay.mark();
    }
    return lost.mark !== undefined && this.onTheWay.hasCome(lost.mark);
  }

  async #build(sale: FlashSale): Promise<boolean> {
    const { saleId } = sale;
    const token = randomUUID();
    const startedAt = this.clock.now();
    const turn = await this.rebuild.begin(saleId, token);
    if (turn !== 'BEGUN') return turn === 'READY';
    const { manager } = this.dataSource;
    let liveCount = 0;
    for (let afterNo = ''; ;) {
      const page = await this.ledger.live(manager, saleId, afterNo, PAGE_COUNT);
      const held = page.map((ticket) => ({ ...ticket, outcome: outcomeOf(ticket) }));
      if (!(await this.rebuild.load(saleId, token, held))) return false;
      liveCount += page.length;
      if (page.length < PAGE_COUNT) break;
      afterNo = page.at(-1)!.ticketNo;
    }
    // Closed meanwhile, it stays so.
    const current = (await this.sales.find(manager, saleId)) ?? sale;
    const finished = await this.rebuild.finish(current, token);
    if (finished === undefined) return false;
    this.#lost.delete(saleId);
    this.log.info('sale built from the ledger', { saleId, liveCount, ...finished });
    // What has changed in the ledger while it was read was told to nobody.
    const since = new Date(startedAt.getTime() - CLOCK_DIFFERENCE_MS);
    await this.tellRedis.execute(await this.ledger.settledSince(manager, saleId, since));
    return true;
  }
}
