import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { PointsMovementRow } from '../persistence/points.entity.ts';
import { PointsRepository } from '../persistence/points.repository.ts';

@Injectable()
export class FindPoints {
  constructor(
    private readonly dataSource: DataSource,
    private readonly points: PointsRepository,
  ) {}

  /** Oldest first. */
  movementsOf(orderNo: string): Promise<PointsMovementRow[]> {
    return this.points.ofOrder(this.dataSource.manager, orderNo);
  }

  balanceOf(userId: string): Promise<number> {
    return this.points.balanceOf(this.dataSource.manager, userId);
  }
}
