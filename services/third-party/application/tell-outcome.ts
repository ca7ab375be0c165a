import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from '../../common/clock.ts';
import { countCallback, type Charge } from '../domain/charge.ts';
import { ChargeRepository } from '../persistence/charge.repository.ts';
import { CallbackSender, type SettledCharge } from './callback-sender.ts';
import { Misbehaviour } from './misbehaviour.ts';

/** The pauses between the sendings of a callback that is not taken. */
export class CallbackBackoff {
  readonly minMs: number;
  readonly maxMs: number;

  constructor(minMs: number, maxMs: number) {
    this.minMs = minMs;
    this.maxMs = maxMs;
  }
}

/** Sends the callback of a settled charge, once more when it is to come twice, and notes how it went. */
@Injectable()
export class TellOutcome {
  constructor(
    private readonly dataSource: DataSource,
    private readonly charges: ChargeRepository,
    private readonly sender: CallbackSender,
    private readonly misbehaviour: Misbehaviour,
    private readonly clock: Clock,
    private readonly backoff: CallbackBackoff,
  ) {}

  async execute(charge: SettledCharge, stop: AbortSignal): Promise<Charge> {
    const isTaken = await this.sender.send(charge, stop);
    // Cut off by the end of the process, not by the other side: it does not count.
    if (!isTaken && stop.aborted) return charge;
    const sentAt = this.clock.now();
    const counted = countCallback(charge, { isTaken, sentAt, backoff: this.backoff });
    await this.charges.updateCallback(this.dataSource.manager, counted);
    if (isTaken && this.misbehaviour.repeatsCallback()) await this.sender.send(charge, stop);
    return counted;
  }
}
