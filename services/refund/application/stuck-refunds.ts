import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Metrics } from '../../common/metrics.ts';
import { RefundRow } from '../persistence/refund.entity.ts';

/** Shows how many refunds wait for a person. */
@Injectable()
export class StuckRefunds implements OnModuleInit {
  constructor(
    private readonly dataSource: DataSource,
    private readonly metrics: Metrics,
  ) {}

  onModuleInit(): void {
    this.metrics.gauge('millrace_refunds_stuck', 'Refunds that wait for a person', () =>
      this.dataSource.manager.countBy(RefundRow, { status: 'STUCK' }),
    );
  }
}
