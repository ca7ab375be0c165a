import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { LiveTicket, TicketOutcomeStatus } from '../domain/ticket.ts';

interface Refusal {
  code: string;
  reason: string;
}

/** A ticket as it comes: admitted, and of no account in the ledger yet. */
export interface AdmittedTicket extends LiveTicket {
  saleId: string;
  admittedAt: Date;
}

export interface LedgerTicket extends LiveTicket {
  saleId: string;
  /** TAKEN: its order is not there yet. */
  status: 'TAKEN' | TicketOutcomeStatus;
  code: string | null;
  reason: string | null;
}

/** What has become of a TAKEN ticket's order. */
export interface OrderOutcome {
  ticketNo: string;
  saleId: string;
  /** Undefined: it is placed. */
  refusal: Refusal | undefined;
}

const MAX_REASON_CHARACTERS = 255;
const SELECT = `SELECT ticket_no AS ticketNo, sale_id AS saleId, user_id AS userId, status, code, reason FROM flash_tickets`;

/**
 * The tickets of all sales, and with them each sale's `taken`, which is how many hold a piece: the truth about a sale, from
 * which Redis is built. Every method works inside the transaction (or outside of one) that `manager` stands for, and may be
 * called again for what it has done.
 *
 * Locks: tickets first, in the order of their numbers, then sales in the order of their ids.
 */
@Injectable()
export class TicketLedger {
  /**
   * Takes tickets in, each once; which are new the primary key decides. The gate has admitted no more than there are pieces and
   * no customer too often; should it have (it forgot, or something was restored that was older than the ledger), what is too
   * much is REFUSED here. Returns all of them as they are now; `tickets` name none twice.
   */
  async take(
    manager: EntityManager,
    tickets: readonly AdmittedTicket[],
    now: Date,
  ): Promise<LedgerTicket[]> {
    const newNos = await this.#insert(manager, tickets, 'TAKEN', now);
    const bySale = new Map<string, AdmittedTicket[]>();
    for (const ticket of tickets) {
      if (!newNos.has(ticket.ticketNo)) continue;
      const group = bySale.get(ticket.saleId);
      if (group === undefined) bySale.set(ticket.saleId, [ticket]);
      else group.push(ticket);
    }
    const refused = new Map<string, Refusal>();
    for (const saleId of [...bySale.keys()].toSorted()) {
      const group = bySale.get(saleId)!;
      const excess = await this.#takePieces(manager, saleId, group, now);
      for (const [ticketNo, refusal] of excess) refused.set(ticketNo, refusal);
    }
    const known = await this.find(
      manager,
      tickets.map(({ ticketNo }) => ticketNo).filter((ticketNo) => !newNos.has(ticketNo)),
    );
    return tickets.map(({ ticketNo, saleId, userId }) => {
      const { code = null, reason = null } = refused.get(ticketNo) ?? {};
      const status = code === null ? ('TAKEN' as const) : ('REFUSED' as const);
      return known.get(ticketNo) ?? { ticketNo, saleId, userId, status, code, reason };
    });
  }

  /**
   * Notes what has become of the orders of TAKEN tickets; the pieces of refused ones are free again. A ticket whose order was
   * closed meanwhile stays RETURNED. Returns the tickets as they are now.
   */
  async settle(
    manager: EntityManager,
    tickets: readonly LedgerTicket[],
    outcomes: readonly OrderOutcome[],
    now: Date,
  ): Promise<LedgerTicket[]> {
    const orderedNos = outcomes
      .filter(({ refusal }) => refusal === undefined)
      .map(({ ticketNo }) => ticketNo);
    let changedCount = await this.#move(manager, orderedNos, 'ORDERED', now);
    const refusals = outcomes.flatMap(({ ticketNo, saleId, refusal }) =>
      refusal === undefined ? [] : [{ ticketNo, saleId, refusal }],
    );
    for (const saleId of [...new Set(refusals.map((each) => each.saleId))].toSorted()) {
      const excess = refusals
        .filter((each) => each.saleId === saleId)
        .map(({ ticketNo, refusal }): [string, typeof refusal] => [ticketNo, refusal]);
      const count = await this.#refuse(manager, excess, now);
      await this.#free(manager, saleId, count);
      changedCount += count;
    }
    if (changedCount < outcomes.length) {
      const found = await this.find(
        manager,
        tickets.map(({ ticketNo }) => ticketNo),
      );
      return tickets.map((ticket) => found.get(ticket.ticketNo) ?? ticket);
    }
    const refusalOf = new Map(refusals.map(({ ticketNo, refusal }) => [ticketNo, refusal]));
    return tickets.map((ticket) => {
      const refusal = refusalOf.get(ticket.ticketNo);
      return refusal === undefined
        ? { ...ticket, status: 'ORDERED' as const }
        : { ...ticket, status: 'REFUSED' as const, ...shortened(refusal) };
    });
  }

  /** Tickets of which no message has come, and never will count. Returns all as they are now: those that came are not VOID. */
  async giveUp(
    manager: EntityManager,
    saleId: string,
    tickets: readonly LiveTicket[],
    now: Date,
  ): Promise<LedgerTicket[]> {
    const rows = tickets.map((ticket) => ({ ...ticket, saleId, admittedAt: now }));
    const newNos = await this.#insert(manager, rows, 'VOID', now);
    const known = await this.find(
      manager,
      tickets.map(({ ticketNo }) => ticketNo).filter((ticketNo) => !newNos.has(ticketNo)),
    );
    return tickets.map(
      ({ ticketNo, userId }) =>
        known.get(ticketNo) ?? {
          ticketNo,
          saleId,
          userId,
          status: 'VOID',
          code: null,
          reason: null,
        },
    );
  }

  /** The ticket's order was closed: its piece is free. False when it was before, or the ticket holds none. */
  async giveBack(
    manager: EntityManager,
    { ticketNo, saleId }: Pick<LedgerTicket, 'ticketNo' | 'saleId'>,
    { code, reason }: Refusal,
    now: Date,
  ): Promise<boolean> {
    const { affectedRows } = await manager.query<{ affectedRows: number }>(
      `UPDATE flash_tickets SET status = 'RETURNED', code = ?, reason = ?, updated_at = ?
         WHERE ticket_no = ? AND status IN ('TAKEN', 'ORDERED')`,
      [code, reason, now, ticketNo],
    );
    await this.#free(manager, saleId, affectedRows);
    return affectedRows > 0;
  }

  async find(
    manager: EntityManager,
    ticketNos: readonly string[],
  ): Promise<ReadonlyMap<string, LedgerTicket>> {
    if (ticketNos.length === 0) return new Map();
    const rows: LedgerTicket[] = await manager.query(`${SELECT} WHERE ticket_no IN (?)`, [
      ticketNos,
    ]);
    return new Map(rows.map((row) => [row.ticketNo, row]));
  }

  /** Those that hold a piece, in the order of their numbers, from behind `afterNo` on. */
  async live(
    manager: EntityManager,
    saleId: string,
    afterNo: string,
    maxCount: number,
  ): Promise<LedgerTicket[]> {
    return manager.query(
      `${SELECT}
         WHERE sale_id = ? AND ticket_no > ? AND status IN ('TAKEN', 'ORDERED')
         ORDER BY ticket_no LIMIT ?`,
      [saleId, afterNo, maxCount],
    );
  }

  /** Those of a sale that have come to something since then. */
  async settledSince(manager: EntityManager, saleId: string, since: Date): Promise<LedgerTicket[]> {
    return manager.query(`${SELECT} WHERE sale_id = ? AND updated_at >= ? AND status <> 'TAKEN'`, [
      saleId,
      since,
    ]);
  }

  async #insert(
    manager: EntityManager,
    tickets: readonly AdmittedTicket[],
    status: 'TAKEN' | 'VOID',
    now: Date,
  ): Promise<ReadonlySet<string>> {
    const rows = tickets
      .toSorted((a, b) => (a.ticketNo < b.ticketNo ? -1 : 1))
      .map(({ ticketNo, saleId, userId, admittedAt }) => [
        ticketNo,
        saleId,
        userId,
        status,
        admittedAt,
        now,
      ]);
    const inserted: { ticketNo: string }[] = await manager.query(
      `INSERT IGNORE INTO flash_tickets (ticket_no, sale_id, user_id, status, admitted_at, updated_at)
         VALUES ? RETURNING ticket_no AS ticketNo`,
      [rows],
    );
    return new Set(inserted.map(({ ticketNo }) => ticketNo));
  }

  /** Takes a piece for each of these new tickets, and holds the sale's row from then on. Returns those that get none, and why. */
  async #takePieces(
    manager: EntityManager,
    saleId: string,
    tickets: readonly AdmittedTicket[],
    now: Date,
  ): Promise<Map<string, Refusal>> {
    const { affectedRows } = await manager.query<{ affectedRows: number }>(
      'UPDATE flash_sales SET taken = taken + ? WHERE id = ? AND taken + ? <= stock',
      [tickets.length, saleId, tickets.length],
    );
    const isEnough = affectedRows > 0;
    const left = isEnough ? tickets.length : await this.#holdSale(manager, saleId);
    const refused = await this.#overLimit(manager, saleId, tickets);
    const others = tickets.filter(({ ticketNo }) => !refused.has(ticketNo));
    if (isEnough) {
      await this.#free(manager, saleId, refused.size);
    } else {
      const reason = `sale ${saleId} has ${left} pieces left, and ${others.length} more tickets came`;
      for (const { ticketNo } of others.slice(left)) {
        refused.set(ticketNo, { code: 'SALE.SOLD_OUT', reason });
      }
      await manager.query('UPDATE flash_sales SET taken = taken + ? WHERE id = ?', [
        Math.min(left, others.length),
        saleId,
      ]);
    }
    await this.#refuse(manager, [...refused], now);
    return refused;
  }

  /** How many pieces are left, of a sale that is not there none. Until the transaction ends nobody else takes any. */
  async #holdSale(manager: EntityManager, saleId: string): Promise<number> {
    const [sale]: { stock: string; taken: string }[] = await manager.query(
      'SELECT stock, taken FROM flash_sales WHERE id = ? FOR UPDATE',
      [saleId],
    );
    return sale === undefined ? 0 : Number(sale.stock) - Number(sale.taken);
  }

  /** The newest tickets of customers who have more than they may. Under the lock of the sale nobody adds any. */
  async #overLimit(
    manager: EntityManager,
    saleId: string,
    tickets: readonly AdmittedTicket[],
  ): Promise<Map<string, Refusal>> {
    if (tickets.length === 0) return new Map();
    const rows: { userId: string; count: string; perUserLimit: number }[] = await manager.query(
      `SELECT user_id AS userId, COUNT(*) AS count, per_user_limit AS perUserLimit
         FROM flash_tickets JOIN flash_sales ON flash_sales.id = sale_id
         WHERE sale_id = ? AND user_id IN (?) AND status IN ('TAKEN', 'ORDERED')
         GROUP BY user_id, per_user_limit HAVING COUNT(*) > per_user_limit`,
      [saleId, [...new Set(tickets.map(({ userId }) => userId))]],
    );
    const refused = new Map<string, Refusal>();
    for (const { userId, count, perUserLimit } of rows) {
      const own = tickets.filter((ticket) => ticket.userId === userId);
      const excess = own.slice(-Math.min(own.length, Number(count) - perUserLimit));
      const reason = `${userId} has ${count} tickets of sale ${saleId}, ${perUserLimit} are allowed`;
      for (const { ticketNo } of excess) {
        refused.set(ticketNo, { code: 'SALE.ALREADY_BOUGHT', reason });
      }
    }
    return refused;
  }

  /** Returns how many were TAKEN and are REFUSED now. */
  async #refuse(
    manager: EntityManager,
    refused: readonly [string, Refusal][],
    now: Date,
  ): Promise<number> {
    const byRefusal = new Map<string, { refusal: Refusal; nos: string[] }>();
    for (const [ticketNo, refusal] of refused) {
      const key = JSON.stringify([refusal.code, refusal.reason]);
      const group = byRefusal.get(key);
      if (group === undefined) byRefusal.set(key, { refusal, nos: [ticketNo] });
      else group.nos.push(ticketNo);
    }
    let count = 0;
    for (const { refusal, nos } of byRefusal.values()) {
      count += await this.#move(manager, nos, 'REFUSED', now, shortened(refusal));
    }
    return count;
  }

  /** Returns how many were TAKEN. */
  async #move(
    manager: EntityManager,
    ticketNos: readonly string[],
    status: 'ORDERED' | 'REFUSED',
    now: Date,
    { code, reason }: { code: string | null; reason: string | null } = { code: null, reason: null },
  ): Promise<number> {
    if (ticketNos.length === 0) return 0;
    const { affectedRows } = await manager.query<{ affectedRows: number }>(
      `UPDATE flash_tickets SET status = ?, code = ?, reason = ?, updated_at = ?
         WHERE ticket_no IN (?) AND status = 'TAKEN'`,
      [status, code, reason, now, ticketNos.toSorted()],
    );
    return affectedRows;
  }

  async #free(manager: EntityManager, saleId: string, count: number): Promise<void> {
    if (count === 0) return;
    await manager.query('UPDATE flash_sales SET taken = taken - ? WHERE id = ?', [count, saleId]);
  }
}

/** As the columns hold them. */
function shortened({ code, reason }: Refusal): Refusal {
  return { code: code.slice(0, 64), reason: reason.slice(0, MAX_REASON_CHARACTERS) };
}
