import { Controller, Get, Param, Query, Res } from '@nestjs/common';
import {
  ApiExcludeEndpoint,
  ApiOkResponse,
  ApiOperation,
  ApiServiceUnavailableResponse,
  ApiTags,
} from '@nestjs/swagger';
import { DomainError } from '../../common/errors.ts';
import { OrderReports, type OrderReport } from './order-report.ts';
import { pageFile } from './page-files.ts';
import { ReportQueryDto } from './report-query.dto.ts';

const DEFAULT_HOURS = 24;

interface ReplyHeaders {
  header(name: string, value: string): unknown;
}

/** The page loads what is served beside it, and asks this service; nothing else. */
const CONTENT_SECURITY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'";

@ApiTags('reports')
@Controller('reports')
export class ReportController {
  constructor(private readonly reports: OrderReports) {}

  @Get()
  @ApiOperation({ summary: 'The page with the charts' })
  @ApiOkResponse({ description: 'HTML' })
  page(@Res({ passthrough: true }) reply: ReplyHeaders): Promise<string> {
    reply.header('content-security-policy', CONTENT_SECURITY);
    return this.file('index.html', reply);
  }

  @Get('data')
  @ApiOperation({ summary: 'What the charts show, from the copy' })
  @ApiOkResponse()
  @ApiServiceUnavailableResponse({
    description: 'The database with the copy is away, or its first snapshot is not taken yet',
  })
  data(@Query() { hours = DEFAULT_HOURS, currency }: ReportQueryDto): Promise<OrderReport> {
    return this.reports.of(hours, currency);
  }

  @Get('files/:name')
  @ApiExcludeEndpoint()
  async file(
    @Param('name') name: string,
    @Res({ passthrough: true }) reply: ReplyHeaders,
  ): Promise<string> {
    const file = await pageFile(name);
    if (file === undefined) {
      throw new DomainError('REPORT.NO_FILE', 'not_found', 'the report page has no such file');
    }
    reply.header('content-type', file.type);
    reply.header('x-content-type-options', 'nosniff');
    // Asked for again each time, so that a new release shows at once.
    reply.header('cache-control', 'no-cache');
    return file.text;
  }
}
