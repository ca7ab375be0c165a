import { Controller, Get, Param } from '@nestjs/common';
import {
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiProperty,
  ApiTags,
} from '@nestjs/swagger';
import { FindStock } from '../application/find-stock.ts';
import type { StockLevelRow } from '../persistence/stock.entity.ts';

export class StockLevelView {
  @ApiProperty({ example: 'TEA-GREEN-100' })
  sku!: string;

  @ApiProperty({ description: 'Can be ordered' })
  available!: number;

  @ApiProperty({ description: 'Set aside for orders that are not paid yet' })
  reserved!: number;

  @ApiProperty({ description: 'Paid, and not come back' })
  sold!: number;
}

export class StockView {
  @ApiProperty({ type: [StockLevelView] })
  items!: StockLevelView[];
}

@ApiTags('stock')
@Controller('stock')
export class StockController {
  constructor(private readonly findStock: FindStock) {}

  @Get()
  @ApiOperation({ summary: 'Shows what there is of every sku' })
  @ApiOkResponse({ type: StockView })
  async all(): Promise<StockView> {
    return { items: (await this.findStock.all()).map((level) => viewOf(level)) };
  }

  @Get(':sku')
  @ApiOperation({ summary: 'Shows what there is of a sku' })
  @ApiOkResponse({ type: StockLevelView })
  @ApiNotFoundResponse()
  async of(@Param('sku') sku: string): Promise<StockLevelView> {
    return viewOf(await this.findStock.of(sku));
  }
}

function viewOf({ sku, available, reserved, sold }: StockLevelRow): StockLevelView {
  return { sku, available, reserved, sold };
}
