import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { SagaStatus } from '../domain/refund-saga.ts';
import { isRefundNo, type Refund } from '../domain/refund.ts';
import { RefundRepository } from '../persistence/refund.repository.ts';
import { refundNotFound } from './advance-refund.ts';

const MAX_LISTED = 200;

export interface RefundFilter {
  orderNo?: string;
  status?: SagaStatus;
}

@Injectable()
export class FindRefunds {
  constructor(
    private readonly dataSource: DataSource,
    private readonly refunds: RefundRepository,
  ) {}

  /** Errors: REFUND.NOT_FOUND. */
  async one(refundNo: string): Promise<Refund> {
    if (!isRefundNo(refundNo)) throw refundNotFound(refundNo);
    const [refund] = await this.refunds.list(this.dataSource.manager, { refundNo }, 1);
    if (refund === undefined) throw refundNotFound(refundNo);
    return refund;
  }

  /** Oldest first, 200 at most. */
  all({ orderNo, status }: RefundFilter): Promise<Refund[]> {
    const where = {
      ...(orderNo === undefined ? {} : { orderNo }),
      ...(status === undefined ? {} : { status }),
    };
    return this.refunds.list(this.dataSource.manager, where, MAX_LISTED);
  }
}
