import { Controller, Get, Param, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { DomainError } from '../../common/errors.ts';
import { pageFile } from './page-files.ts';

interface ReplyHeaders {
  header(name: string, value: string): unknown;
}

/** The page loads what is served beside it, and asks this process; nothing else. */
const CONTENT_SECURITY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

@ApiExcludeController()
@Controller()
export class PageController {
  @Get()
  page(@Res({ passthrough: true }) reply: ReplyHeaders): Promise<string> {
    reply.header('content-security-policy', CONTENT_SECURITY);
    return this.file('index.html', reply);
  }

  @Get('files/:name')
  async file(
    @Param('name') name: string,
    @Res({ passthrough: true }) reply: ReplyHeaders,
  ): Promise<string> {
    const file = await pageFile(name);
    if (file === undefined) {
      throw new DomainError('PAGE.NO_FILE', 'not_found', 'the shop page has no such file');
    }
    reply.header('content-type', file.type);
    reply.header('x-content-type-options', 'nosniff');
    // Asked for again each time, so that a new release shows at once.
    reply.header('cache-control', 'no-cache');
    return file.text;
  }
}
