import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiBadRequestResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { FindPoints } from '../application/find-points.ts';
import { PointsBalanceView, PointsMovementListView, PointsQueryDto, viewOf } from './points.dto.ts';

@ApiTags('points')
@Controller('points')
export class PointsController {
  constructor(private readonly findPoints: FindPoints) {}

  @Get()
  @ApiOperation({ summary: 'Shows what an order has earned and what was taken back, oldest first' })
  @ApiOkResponse({ type: PointsMovementListView })
  @ApiBadRequestResponse()
  async movements(@Query() query: PointsQueryDto): Promise<PointsMovementListView> {
    const movements = await this.findPoints.movementsOf(query.orderNo);
    return { items: movements.map((movement) => viewOf(movement)) };
  }

  @Get(':userId')
  @ApiOperation({ summary: 'Shows how many points a user has' })
  @ApiOkResponse({ type: PointsBalanceView })
  async balance(@Param('userId') userId: string): Promise<PointsBalanceView> {
    return { userId, points: await this.findPoints.balanceOf(userId) };
  }
}
