import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import {
  ApiBadRequestResponse,
  ApiConflictResponse,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import { DomainError } from '../../common/errors.ts';
import { RedeemCoupon } from '../application/redeem-coupon.ts';
import { ReleaseRedemption } from '../application/release-redemption.ts';
import { keyPattern, RedeemDto, RedemptionView, ReleaseView } from './redemption.dto.ts';

@ApiTags('for other services')
@Controller('redemptions')
export class RedemptionController {
  constructor(
    private readonly redeemCoupon: RedeemCoupon,
    private readonly releaseRedemption: ReleaseRedemption,
  ) {}

  @Post()
  @HttpCode(200)
  @ApiOperation({
    summary: 'Has an order that is about to be placed use a coupon',
    description:
      'Sent again with the same body it has no further effect and the same answer. The coupon of an order that does not ' +
      'come to be is given back by itself after a while.',
  })
  @ApiOkResponse({ type: RedemptionView })
  @ApiBadRequestResponse({ description: 'Field by field, as application/problem+json' })
  @ApiNotFoundResponse({ description: 'There is no such coupon' })
  @ApiConflictResponse({
    description:
      'It is of another user, used, recalled or expired; or the order was given up (COUPON.RELEASED); or it uses another coupon',
  })
  async redeem(@Body() body: RedeemDto): Promise<RedemptionView> {
    const { code, amountMinor, currency } = await this.redeemCoupon.execute(body);
    return { code, orderNo: body.orderNo, amountMinor, currency };
  }

  @Post(':orderNo/release')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Gives back the coupon of an order that will not be',
    description: 'Where nothing is redeemed yet, a redemption that comes later is refused.',
  })
  @ApiOkResponse({ type: ReleaseView })
  @ApiBadRequestResponse()
  @ApiConflictResponse({ description: 'The order was placed, or is even paid' })
  async release(@Param('orderNo') orderNo: string): Promise<ReleaseView> {
    if (!keyPattern.test(orderNo)) {
      throw new DomainError('REQUEST.INVALID', 'invalid', 'that is no order number', {
        fields: [{ field: 'orderNo', message: 'must be 1 to 64 visible ASCII characters' }],
      });
    }
    await this.releaseRedemption.execute(orderNo);
    return { orderNo, status: 'RELEASED' };
  }
}
