import { ApiProperty } from '@nestjs/swagger';
import { Matches } from 'class-validator';
import type { PointsMovementRow } from '../persistence/points.entity.ts';

export class PointsQueryDto {
  @ApiProperty({ example: '20261120-7K3M9Q2T4VXA' })
  @Matches(/^[\x21-\x7e]{1,64}$/, { message: 'must be an order number' })
  orderNo!: string;
}

export class PointsMovementView {
  @ApiProperty({ enum: ['EARNED', 'DEDUCTED'] })
  kind!: string;

  @ApiProperty({ description: 'The order that earned them, or the refund that took them back' })
  reference!: string;

  @ApiProperty()
  orderNo!: string;

  @ApiProperty()
  userId!: string;

  @ApiProperty()
  points!: number;

  @ApiProperty({ format: 'date-time' })
  occurredAt!: string;
}

export class PointsMovementListView {
  @ApiProperty({ type: [PointsMovementView] })
  items!: PointsMovementView[];
}

export class PointsBalanceView {
  @ApiProperty()
  userId!: string;

  @ApiProperty({ description: 'The sum of all movements; 0 for a user who has none' })
  points!: number;
}

export function viewOf(movement: PointsMovementRow): PointsMovementView {
  const { kind, reference, orderNo, userId, points, occurredAt } = movement;
  return { kind, reference, orderNo, userId, points, occurredAt: occurredAt.toISOString() };
}
