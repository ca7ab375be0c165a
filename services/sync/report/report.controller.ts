import { Controller, Get, Param, Query, Res } from '@nestjs/common';
import {
  ApiExcludeEndpoint,
  ApiOkResponse,
  ApiOperation,
  ApiServiceUnavailableResponse,
  ApiTags,
} from '@nestjs/swagger';
import { DomainError } from '../../common/errors.ts';
import { answerWith, type ReplyHeaders } from '../../common/page-files.ts';
import { OrderReports, type OrderReport } from './order-report.ts';
import { pageFiles } from './page-files.ts';
import { ReportQueryDto } from './report-query.dto.ts';

const DEFAULT_HOURS = 24;

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
    const file = await pageFiles.find(name);
    if (file === undefined) {
      throw new DomainError('REPORT.NO_FILE', 'not_found', 'the report page has no such file');
    }
    return answerWith(file, reply);
  }
}
