import { Controller, Get, Param, Query } from '@nestjs/common';
import {
  ApiBadRequestResponse,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import { FindCoupons } from '../application/find-coupons.ts';
import { CouponListView, CouponView, OrderQueryDto, viewOf } from './coupon.dto.ts';

@ApiTags('coupons')
@Controller('coupons')
export class CouponController {
  constructor(private readonly findCoupons: FindCoupons) {}

  @Get()
  @ApiOperation({
    summary: 'Shows the coupons an order has earned: none before it is paid, one after',
  })
  @ApiOkResponse({ type: CouponListView })
  @ApiBadRequestResponse()
  async find(@Query() query: OrderQueryDto): Promise<CouponListView> {
    const coupons = await this.findCoupons.earnedBy(query.orderNo);
    return { items: coupons.map((coupon) => viewOf(coupon)) };
  }

  @Get(':code')
  @ApiOperation({ summary: 'Shows a coupon' })
  @ApiOkResponse({ type: CouponView })
  @ApiNotFoundResponse()
  async byCode(@Param('code') code: string): Promise<CouponView> {
    return viewOf(await this.findCoupons.byCode(code));
  }
}
