import { Controller, Get } from '@nestjs/common';
import {
  ApiOkResponse,
  ApiOperation,
  ApiServiceUnavailableResponse,
  ApiTags,
} from '@nestjs/swagger';
import { FindProducts, type Catalogue } from '../application/find-products.ts';

@ApiTags('catalogue')
@Controller('api/catalogue')
export class CatalogueController {
  constructor(private readonly findProducts: FindProducts) {}

  @Get()
  @ApiOperation({ summary: 'Shows what there is to buy; without `available` while stock is away' })
  @ApiOkResponse()
  @ApiServiceUnavailableResponse({ description: 'The order service does not answer' })
  all(): Promise<Catalogue> {
    return this.findProducts.execute();
  }
}
