import { Controller, Get } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProperty, ApiTags } from '@nestjs/swagger';
import { SHOP_CURRENCY } from '../../common/money.ts';
import { FindCatalogue } from '../application/find-catalogue.ts';

export class CatalogueItemView {
  @ApiProperty({ example: 'TEA-GREEN-100' })
  sku!: string;

  @ApiProperty({ example: 'Green tea, 100 g' })
  name!: string;

  @ApiProperty({ example: 690 })
  unitPriceMinor!: number;
}

export class CatalogueView {
  @ApiProperty({ example: SHOP_CURRENCY })
  currency!: string;

  @ApiProperty({ type: [CatalogueItemView] })
  items!: CatalogueItemView[];
}

@ApiTags('catalogue')
@Controller('catalogue')
export class CatalogueController {
  constructor(private readonly findCatalogue: FindCatalogue) {}

  @Get()
  @ApiOperation({ summary: 'Shows what there is to buy, and at what price' })
  @ApiOkResponse({ type: CatalogueView })
  async all(): Promise<CatalogueView> {
    const items = await this.findCatalogue.execute();
    return {
      currency: SHOP_CURRENCY,
      items: items.map(({ sku, name, unitPriceMinor }) => ({ sku, name, unitPriceMinor })),
    };
  }
}
