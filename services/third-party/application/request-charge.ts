import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from '../../common/clock.ts';
import { acceptCharge, checkRepeat, type Charge, type ChargeRequest } from '../domain/charge.ts';
import { ChargeRepository } from '../persistence/charge.repository.ts';
import { ChargeProgress } from './charge-progress.ts';
import { chargeNotFound } from './find-charge.ts';
import { Misbehaviour } from './misbehaviour.ts';

/**
 * Takes a charge, to be settled later. Asked for again it is the same charge, wherever it has got to.
 *
 * Errors: CHANNEL.REQUEST_REUSED, CHANNEL.VOIDED.
 */
@Injectable()
export class RequestCharge {
  constructor(
    private readonly dataSource: DataSource,
    private readonly charges: ChargeRepository,
    private readonly progress: ChargeProgress,
    private readonly misbehaviour: Misbehaviour,
    private readonly clock: Clock,
  ) {}

  async execute(request: ChargeRequest): Promise<Charge> {
    this.misbehaviour.beforeCharge();
    const { manager } = this.dataSource;
    const { latencyMs } = this.misbehaviour.current.channel;
    const accepted = acceptCharge(request, this.clock.now(), latencyMs);
    if (await this.charges.insert(manager, accepted)) {
      this.progress.follow(accepted);
      return accepted;
    }
    const known = await this.charges.find(manager, request.requestNo);
    if (known === null) throw chargeNotFound(request.requestNo);
    checkRepeat(known, request);
    // The row may be all there is: committed, when the database went away before it said so.
    this.progress.resume(request.requestNo);
    return known;
  }
}
