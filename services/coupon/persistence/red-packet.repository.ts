import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { insertOnce } from '../../common/database-errors.ts';
import { insertInto } from '../../common/insert-into.ts';
import type { RedPacket } from '../domain/red-packet.ts';
import { RedPacketRow } from './red-packet.entity.ts';

/** Red packets as rows. Every method works inside the transaction (or outside of one) that `manager` stands for. */
@Injectable()
export class RedPacketRepository {
  /** False when the order has its red packet. */
  insert(manager: EntityManager, packet: RedPacket): Promise<boolean> {
    return insertOnce(insertInto(manager, RedPacketRow, [packet]));
  }

  /** Errors: ER_DUP_ENTRY when one of the orders has its red packet. */
  insertAll(manager: EntityManager, packets: readonly RedPacket[]): Promise<void> {
    return insertInto(manager, RedPacketRow, packets);
  }

  /** Those of an order: none or one. */
  ofOrder(manager: EntityManager, orderNo: string): Promise<RedPacket[]> {
    return manager.findBy(RedPacketRow, { orderNo });
  }

  /** Holds the row until the transaction ends. */
  async findForUpdate(manager: EntityManager, orderNo: string): Promise<RedPacket | undefined> {
    const row = await manager.findOne(RedPacketRow, {
      where: { orderNo },
      lock: { mode: 'pessimistic_write' },
    });
    return row ?? undefined;
  }

  /** Writes what can change of a red packet. */
  async update(manager: EntityManager, { packetNo, status, recalledAt }: RedPacket): Promise<void> {
    await manager.update(RedPacketRow, { packetNo }, { status, recalledAt });
  }
}
