import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from '../../common/clock.ts';
import { isDocumentNo } from '../../common/document-number.ts';
import { DomainError } from '../../common/errors.ts';
import { appendToOutbox } from '../../common/outbox.ts';
import { OutboxRelay } from '../../common/outbox-relay.ts';
import { inTransaction } from '../../common/transaction.ts';
import { RefundStep } from '../../contracts/refund-events.ts';
import { refundStepResult } from '../../contracts/refund-step-results.ts';
import { GoodsReturnRow } from '../persistence/shipment.entity.ts';

/**
 * Notes that goods have come back, and lets their refund go on. A receipt that comes again changes nothing.
 *
 * Errors: WAREHOUSE.NO_RETURN; WAREHOUSE.NOT_AWAITED for goods that never left.
 */
@Injectable()
export class ReceiveReturn {
  constructor(
    private readonly dataSource: DataSource,
    private readonly relay: OutboxRelay,
    private readonly clock: Clock,
  ) {}

  async execute(receipt: { shipmentNo: string; refundNo: string }): Promise<GoodsReturnRow> {
    const { shipmentNo, refundNo } = receipt;
    if (!isDocumentNo(shipmentNo)) throw noReturn(receipt);
    const received = await inTransaction(this.dataSource, async (manager) => {
      const awaited = await manager.findOne(GoodsReturnRow, {
        where: { refundNo, shipmentNo },
        lock: { mode: 'pessimistic_write' },
      });
      if (awaited === null) throw noReturn(receipt);
      if (awaited.status === 'CANCELLED') throw notAwaited(awaited);
      if (awaited.status === 'RECEIVED') return awaited;
      const settledAt = this.clock.now();
      await manager.update(GoodsReturnRow, { refundNo }, { status: 'RECEIVED', settledAt });
      const due = { refundNo, orderNo: awaited.orderNo, type: RefundStep.ReturnGoods };
      const note = 'the return receipt has come';
      await appendToOutbox(manager, refundStepResult(due, { type: 'Done', note, at: settledAt }));
      return Object.assign(awaited, { status: 'RECEIVED' as const, settledAt });
    });
    this.relay.wake();
    return received;
  }
}

function noReturn({ shipmentNo, refundNo }: { shipmentNo: string; refundNo: string }): DomainError {
  return new DomainError(
    'WAREHOUSE.NO_RETURN',
    'not_found',
    `nothing of shipment ${shipmentNo} is to come back for refund ${refundNo}`,
  );
}

function notAwaited({ refundNo, status }: GoodsReturnRow): DomainError {
  return new DomainError(
    'WAREHOUSE.NOT_AWAITED',
    'conflict',
    `the return of refund ${refundNo} is ${status}: the goods never left`,
  );
}
