import { Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProperty, ApiTags } from '@nestjs/swagger';
import { DomainError } from '../../common/errors.ts';
import { MessageTransactions } from '../../common/message-transactions.ts';

export class SettledView {
  @ApiProperty({ description: 'False: that order does not exist and never will' })
  isPlaced!: boolean;
}

/** For services that have set something aside for an order that was about to be placed. */
@ApiTags('for other services')
@Controller('order-transactions')
export class OrderTransactionsController {
  constructor(private readonly transactions: MessageTransactions) {}

  @Post(':transactionKey/settle')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Tells whether an order was placed; if it has not been by now, it never will be',
  })
  @ApiOkResponse({ type: SettledView })
  async settle(@Param('transactionKey') transactionKey: string): Promise<SettledView> {
    if (!/^[\x21-\x7e]{1,64}$/.test(transactionKey)) {
      throw new DomainError('REQUEST.INVALID', 'invalid', 'that is no transaction key', {
        fields: [{ field: 'transactionKey', message: 'must be 1 to 64 visible ASCII characters' }],
      });
    }
    return { isPlaced: (await this.transactions.settle(transactionKey)) !== 'ROLLED_BACK' };
  }
}
