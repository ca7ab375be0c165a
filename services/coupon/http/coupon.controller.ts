import { Controller, Get, Query } from '@nestjs/common';
import { ApiBadRequestResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { FindCoupons } from '../application/find-coupons.ts';
import { CouponListView, CouponQueryDto, viewOf } from './coupon.dto.ts';

@ApiTags('coupons')
@Controller('coupons')
export class CouponController {
  constructor(private readonly findCoupons: FindCoupons) {}

  @Get()
  @ApiOperation({ summary: 'Shows the coupons of an order: none before it is paid, one after' })
  @ApiOkResponse({ type: CouponListView })
  @ApiBadRequestResponse()
  async find(@Query() query: CouponQueryDto): Promise<CouponListView> {
    const coupons = await this.findCoupons.execute(query.orderNo);
    return { items: coupons.map((coupon) => viewOf(coupon)) };
  }
}
