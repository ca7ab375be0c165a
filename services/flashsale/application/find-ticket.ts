import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { isDocumentNo } from '../../common/document-number.ts';
import { DomainError } from '../../common/errors.ts';
import type { TicketOutcomeStatus } from '../domain/ticket.ts';
import { SaleMemory } from '../gate/sale-memory.ts';
import { FlashSaleRepository } from '../persistence/flash-sale.repository.ts';
import { isNotReady, SaleState } from '../redis/sale-state.ts';

export interface Ticket {
  ticketNo: string;
  saleId: string;
  userId: string;
  /** QUEUED: nothing is known yet. */
  status: 'QUEUED' | TicketOutcomeStatus;
  code?: string | undefined;
  reason?: string | undefined;
}

/**
 * Finds a customer's ticket: in Redis, which knows it from its admission on; else in the ledger, which never forgets.
 *
 * Errors: TICKET.NOT_FOUND, also for one of somebody else; SALE.NOT_READY, SALE.UNAVAILABLE when the ledger does not know it and
 *         Redis cannot be asked.
 */
@Injectable()
export class FindTicket {
  constructor(
    private readonly dataSource: DataSource,
    private readonly sales: FlashSaleRepository,
    private readonly state: SaleState,
    private readonly memory: SaleMemory,
  ) {}

  /** `saleId`: where to look first and, in Redis, only; without it, in every sale that Redis has. */
  async execute(ticketNo: string, userId: string, saleId?: string): Promise<Ticket> {
    if (!isDocumentNo(ticketNo)) throw noSuchTicket();
    const { ticket, failure } = await this.#inRedis(ticketNo, this.#salesToAsk(saleId));
    const found = ticket ?? (await this.#inLedger(ticketNo));
    if (found === undefined && failure !== undefined) throw failure;
    if (found?.userId !== userId) throw noSuchTicket();
    return found;
  }

  #salesToAsk(saleId: string | undefined): string[] {
    if (saleId === undefined) return this.memory.saleIds();
    return isDocumentNo(saleId) ? [saleId] : [];
  }

  async #inRedis(
    ticketNo: string,
    saleIds: readonly string[],
  ): Promise<{ ticket?: Ticket; failure?: DomainError }> {
    const answers = await Promise.allSettled(
      saleIds.map(async (saleId) => ({
        saleId,
        found: await this.state.lookUp(saleId, ticketNo),
      })),
    );
    for (const answer of answers) {
      if (answer.status === 'rejected' || answer.value.found === undefined) continue;
      const { saleId, found } = answer.value;
      const { userId, outcome } = found;
      return { ticket: { status: 'QUEUED', ...outcome, ticketNo, saleId, userId } };
    }
    const failures = answers.flatMap((answer) =>
      answer.status === 'rejected' ? [unavailable(answer.reason)] : [],
    );
    // Of a sale that is not going on Redis need not have anything.
    const failure = failures.find((error) => !isNotReady(error) || saleIds.some(this.#isCurrent));
    return failure === undefined ? {} : { failure };
  }

  readonly #isCurrent = (saleId: string): boolean => this.memory.knows(saleId);

  async #inLedger(ticketNo: string): Promise<Ticket | undefined> {
    const row = await this.sales.findTicket(this.dataSource.manager, ticketNo);
    if (row === undefined) return undefined;
    const { saleId, userId, status } = row;
    return {
      ticketNo,
      saleId,
      userId,
      status: status === 'TAKEN' ? 'QUEUED' : status,
      code: row.code ?? undefined,
      reason: row.reason ?? undefined,
    };
  }
}

function noSuchTicket(): DomainError {
  return new DomainError('TICKET.NOT_FOUND', 'not_found', 'you have no such ticket');
}

function unavailable(reason: unknown): DomainError {
  if (reason instanceof DomainError) return reason;
  const detail = 'redis has not answered, try again';
  return new DomainError('SALE.UNAVAILABLE', 'unavailable', detail, { cause: reason });
}
