import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from '../../common/clock.ts';
import { inTransaction } from '../../common/transaction.ts';
import { tombstone, voidCharge, type Charge } from '../domain/charge.ts';
import { ChargeRepository } from '../persistence/charge.repository.ts';
import { chargeNotFound } from './find-charge.ts';

/**
 * Makes sure that a charge never happens, also one that has not come yet.
 *
 * Errors: CHANNEL.SETTLED when it has succeeded already.
 */
@Injectable()
export class VoidCharge {
  constructor(
    private readonly dataSource: DataSource,
    private readonly charges: ChargeRepository,
    private readonly clock: Clock,
  ) {}

  async execute(requestNo: string): Promise<Charge> {
    const stone = tombstone(requestNo, this.clock.now());
    // Committed by itself: a transaction that met the charge here would share a lock on it that two of them then want alone.
    if (await this.charges.insert(this.dataSource.manager, stone)) return stone;
    return inTransaction(this.dataSource, async (manager) => {
      const charge = await this.charges.findForUpdate(manager, requestNo);
      if (charge === null) throw chargeNotFound(requestNo);
      const voided = voidCharge(charge);
      if (voided !== charge) await this.charges.updateStatus(manager, voided);
      return voided;
    });
  }
}
