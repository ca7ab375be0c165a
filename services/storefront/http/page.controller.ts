import { Controller, Get, Param, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { DomainError } from '../../common/errors.ts';
import { answerWith, type ReplyHeaders } from '../../common/page-files.ts';
import { pageFiles } from './page-files.ts';

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
    const file = await pageFiles.find(name);
    if (file === undefined) {
      throw new DomainError('PAGE.NO_FILE', 'not_found', 'the shop page has no such file');
    }
    return answerWith(file, reply);
  }
}
