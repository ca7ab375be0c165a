import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { DomainError } from '../../common/errors.ts';
import type { Charge } from '../domain/charge.ts';
import { ChargeRepository } from '../persistence/charge.repository.ts';

/** Errors: CHANNEL.NOT_FOUND. */
@Injectable()
export class FindCharge {
  constructor(
    private readonly dataSource: DataSource,
    private readonly charges: ChargeRepository,
  ) {}

  async execute(requestNo: string): Promise<Charge> {
    const charge = await this.charges.find(this.dataSource.manager, requestNo);
    if (charge === null) throw chargeNotFound(requestNo);
    return charge;
  }
}

export function chargeNotFound(requestNo: string): DomainError {
  return new DomainError('CHANNEL.NOT_FOUND', 'not_found', `there is no charge ${requestNo}`);
}
