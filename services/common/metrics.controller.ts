import { Controller, Get, Header, Query } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { Metrics } from './metrics.ts';

@ApiExcludeController()
@Controller('metrics')
export class MetricsController {
  constructor(private readonly metrics: Metrics) {}

  /** `?name[]=a&name[]=b`: those alone, as exporters of the Java client have it. The others are not even looked up. */
  @Get()
  @Header('content-type', 'text/plain; version=0.0.4; charset=utf-8')
  read(@Query('name[]') names?: string | string[]): Promise<string> {
    return names === undefined
      ? this.metrics.registry.metrics()
      : this.metrics.textOf([names].flat());
  }
}
