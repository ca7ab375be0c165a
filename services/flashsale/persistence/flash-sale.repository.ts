import { Injectable } from '@nestjs/common';
import { MoreThan, type EntityManager } from 'typeorm';
import { isDocumentNo } from '../../common/document-number.ts';
import { insertInto } from '../../common/insert-into.ts';
import { KEPT_AFTER_END_MS, type FlashSale } from '../domain/flash-sale.ts';
import { FlashSaleRow, FlashTicketRow } from './flash-sale.entity.ts';

/** Sales as rows, and a ticket of one. Every method works inside the transaction (or outside of one) that `manager` stands for. */
@Injectable()
export class FlashSaleRepository {
  async insert(manager: EntityManager, sale: FlashSale): Promise<void> {
    await insertInto(manager, FlashSaleRow, [{ ...sale, taken: 0 }]);
  }

  async find(manager: EntityManager, saleId: string): Promise<FlashSaleRow | undefined> {
    // What cannot be a number of ours never reaches a statement: the column is ASCII.
    if (!isDocumentNo(saleId)) return undefined;
    return (await manager.findOneBy(FlashSaleRow, { saleId })) ?? undefined;
  }

  /** Newest first. */
  all(manager: EntityManager, maxCount: number): Promise<FlashSaleRow[]> {
    return manager.find(FlashSaleRow, { order: { createdAt: 'DESC' }, take: maxCount });
  }

  /** Those that Redis has to know: going on, to come, or over for less than it keeps them. */
  current(manager: EntityManager, now: Date): Promise<FlashSaleRow[]> {
    const endsAt = MoreThan(new Date(now.getTime() - KEPT_AFTER_END_MS));
    return manager.findBy(FlashSaleRow, { endsAt });
  }

  async close(manager: EntityManager, saleId: string): Promise<void> {
    await manager.update(FlashSaleRow, { saleId }, { state: 'CLOSED' });
  }

  async findTicket(manager: EntityManager, ticketNo: string): Promise<FlashTicketRow | undefined> {
    if (!isDocumentNo(ticketNo)) return undefined;
    return (await manager.findOneBy(FlashTicketRow, { ticketNo })) ?? undefined;
  }
}
