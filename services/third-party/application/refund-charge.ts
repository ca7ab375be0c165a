import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from '../../common/clock.ts';
import { inTransaction } from '../../common/transaction.ts';
import {
  checkRefundable,
  checkRepeatedRefund,
  refundCharge,
  type RefundRequest,
} from '../domain/charge.ts';
import { ChargeRepository } from '../persistence/charge.repository.ts';
import { Misbehaviour } from './misbehaviour.ts';

/**
 * Gives back a part of a charge or all of it, once for each refund number.
 *
 * Order:  refunds of one charge come one after the other: its row is held while they are added up.
 * Errors: CHANNEL.NOT_CHARGED, CHANNEL.OVER_REFUND, CHANNEL.REQUEST_REUSED.
 */
@Injectable()
export class RefundCharge {
  constructor(
    private readonly dataSource: DataSource,
    private readonly charges: ChargeRepository,
    private readonly misbehaviour: Misbehaviour,
    private readonly clock: Clock,
  ) {}

  async execute(request: RefundRequest): Promise<void> {
    this.misbehaviour.beforeRefund(request.requestNo);
    await inTransaction(this.dataSource, async (manager) => {
      const charge = await this.charges.findForUpdate(manager, request.requestNo);
      checkRefundable(charge, request);
      if (await this.charges.insertRefund(manager, request, this.clock.now())) {
        await this.charges.updateRefunded(manager, refundCharge(charge, request.amountMinor));
      } else {
        checkRepeatedRefund(await this.charges.findRefund(manager, request.refundNo), request);
      }
    });
  }
}
