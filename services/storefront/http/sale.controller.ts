import { Body, Controller, HttpCode, Post, Res } from '@nestjs/common';
import {
  ApiAcceptedResponse,
  ApiConflictResponse,
  ApiOperation,
  ApiProperty,
  ApiPropertyOptional,
  ApiServiceUnavailableResponse,
  ApiTags,
} from '@nestjs/swagger';
import { IsInt, Matches, Max, Min, ValidateIf } from 'class-validator';
import { SaleStage } from '../sale/sale-stage.ts';
import { sendOn, type AnswerReply } from './passed-on.ts';

const MAX_STOCK = 10_000;
const MAX_CUSTOMERS_PER_S = 1_000;
const MAX_SECONDS = 30;

function upTo(max: number): { message: string } {
  return { message: `must be a whole number from 1 to ${max}` };
}

export class OpenSaleDto {
  @ApiPropertyOptional({ example: 'GRINDER-HAND' })
  @ValidateIf((_object, value) => value !== undefined)
  @Matches(/^[A-Z0-9-]{1,32}$/, { message: 'must be 1 to 32 characters A-Z, 0-9 and -' })
  sku?: string;

  @ApiProperty({ minimum: 1, maximum: MAX_STOCK })
  @IsInt(upTo(MAX_STOCK))
  @Min(1, upTo(MAX_STOCK))
  @Max(MAX_STOCK, upTo(MAX_STOCK))
  stock!: number;

  @ApiProperty({ minimum: 1, maximum: MAX_CUSTOMERS_PER_S })
  @IsInt(upTo(MAX_CUSTOMERS_PER_S))
  @Min(1, upTo(MAX_CUSTOMERS_PER_S))
  @Max(MAX_CUSTOMERS_PER_S, upTo(MAX_CUSTOMERS_PER_S))
  customersPerS!: number;

  @ApiProperty({ minimum: 1, maximum: MAX_SECONDS })
  @IsInt(upTo(MAX_SECONDS))
  @Min(1, upTo(MAX_SECONDS))
  @Max(MAX_SECONDS, upTo(MAX_SECONDS))
  seconds!: number;
}

@ApiTags('flash sales')
@Controller('api/sales')
export class SaleController {
  constructor(private readonly stage: SaleStage) {}

  @Post()
  @HttpCode(202)
  @ApiOperation({
    summary: 'Opens a flash sale and has a crowd come to it',
    description: 'How it goes is told by the live event `sale`.',
  })
  @ApiAcceptedResponse()
  @ApiConflictResponse({ description: 'A sale is running, or there is too little in stock' })
  @ApiServiceUnavailableResponse()
  async open(@Body() body: OpenSaleDto, @Res() reply: AnswerReply): Promise<void> {
    const opened = await this.stage.open(body);
    if ('status' in opened) return sendOn(reply, opened);
    reply.status(202).header('content-type', 'application/json; charset=utf-8');
    reply.send(JSON.stringify(opened));
  }
}
