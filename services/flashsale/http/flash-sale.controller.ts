import { Body, Controller, Get, HttpCode, Param, Post, Res } from '@nestjs/common';
import {
  ApiBadRequestResponse,
  ApiConflictResponse,
  ApiCreatedResponse,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiServiceUnavailableResponse,
  ApiTags,
} from '@nestjs/swagger';
import { CloseFlashSale } from '../application/close-flash-sale.ts';
import { FindFlashSales } from '../application/find-flash-sales.ts';
import { OpenFlashSale } from '../application/open-flash-sale.ts';
import { FlashSaleListView, FlashSaleView, OpenFlashSaleDto, viewOf } from './flash-sale.dto.ts';

interface ReplyHeaders {
  header(name: string, value: string): unknown;
}

@ApiTags('flash sales')
@Controller('flash-sales')
export class FlashSaleController {
  constructor(
    private readonly openFlashSale: OpenFlashSale,
    private readonly closeFlashSale: CloseFlashSale,
    private readonly findFlashSales: FindFlashSales,
  ) {}

  @Post()
  @ApiOperation({
    summary: 'Opens a sale',
    description:
      'Customers order at POST /flash-sales/:saleId/orders, without a body and with a bearer token: 202 with a ticket, or 409 sold ' +
      'out or bought already, 410 over, 425 not yet, 429 too often, 503 not now.',
  })
  @ApiCreatedResponse({ type: FlashSaleView })
  @ApiBadRequestResponse({ description: 'Field by field, as application/problem+json' })
  @ApiConflictResponse({ description: 'Too little in stock' })
  @ApiServiceUnavailableResponse()
  async open(
    @Body() body: OpenFlashSaleDto,
    @Res({ passthrough: true }) reply: ReplyHeaders,
  ): Promise<FlashSaleView> {
    const { sku, stock, perUserLimit } = body;
    const sale = await this.openFlashSale.execute({
      sku,
      stock,
      perUserLimit,
      startsAt: new Date(body.startsAt),
      endsAt: new Date(body.endsAt),
    });
    reply.header('location', `/flash-sales/${sale.saleId}`);
    return viewOf(sale);
  }

  @Get()
  @ApiOperation({ summary: 'Shows the newest sales, at most 100' })
  @ApiOkResponse({ type: FlashSaleListView })
  async newest(): Promise<FlashSaleListView> {
    return { items: (await this.findFlashSales.newest()).map((sale) => viewOf(sale)) };
  }

  @Get(':saleId')
  @ApiOperation({ summary: 'Shows a sale, and what is left' })
  @ApiOkResponse({ type: FlashSaleView })
  @ApiNotFoundResponse()
  async of(@Param('saleId') saleId: string): Promise<FlashSaleView> {
    const { sale, remaining } = await this.findFlashSales.of(saleId);
    return viewOf(sale, remaining);
  }

  @Post(':saleId/close')
  @HttpCode(200)
  @ApiOperation({ summary: 'Ends a sale before its time; what is ordered stays ordered' })
  @ApiOkResponse({ type: FlashSaleView })
  @ApiNotFoundResponse()
  async close(@Param('saleId') saleId: string): Promise<FlashSaleView> {
    return viewOf(await this.closeFlashSale.execute(saleId));
  }
}
