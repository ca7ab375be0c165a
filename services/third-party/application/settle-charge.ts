import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from '../../common/clock.ts';
import { inTransaction } from '../../common/transaction.ts';
import { settleCharge, type Charge } from '../domain/charge.ts';
import { ChargeRepository } from '../persistence/charge.repository.ts';
import { chargeNotFound } from './find-charge.ts';
import { Misbehaviour } from './misbehaviour.ts';

/** Decides what comes of a charge. One that was voided meanwhile stays so. */
@Injectable()
export class SettleCharge {
  constructor(
    private readonly dataSource: DataSource,
    private readonly charges: ChargeRepository,
    private readonly misbehaviour: Misbehaviour,
    private readonly clock: Clock,
  ) {}

  execute(requestNo: string): Promise<Charge> {
    // Before the transaction, which may run again.
    const outcome = this.misbehaviour.declines() ? 'FAILED' : 'SUCCEEDED';
    const isLost = this.misbehaviour.losesCallback();
    const { lateCallbackMs } = this.misbehaviour.current.channel;
    const settledAt = this.clock.now();
    const callbackAt = isLost ? null : new Date(settledAt.getTime() + lateCallbackMs);
    return inTransaction(this.dataSource, async (manager) => {
      const charge = await this.charges.findForUpdate(manager, requestNo);
      if (charge === null) throw chargeNotFound(requestNo);
      const settled = settleCharge(charge, outcome, settledAt, callbackAt);
      if (settled !== charge) await this.charges.updateStatus(manager, settled);
      return settled;
    });
  }
}
