import { Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { DomainError } from '../../common/errors.ts';
import { Follower } from './follower.ts';
import { streamView, StreamsView, StreamView } from './stream.dto.ts';

@ApiTags('streams')
@Controller('streams')
export class StreamController {
  constructor(private readonly follower: Follower) {}

  @Get()
  @ApiOperation({ summary: 'Shows how far the order database has been followed' })
  @ApiOkResponse({ type: StreamsView })
  all(): StreamsView {
    return { streams: [streamView(this.follower.status())] };
  }

  @Get(':name')
  @ApiOperation({ summary: 'Shows one stream' })
  @ApiOkResponse({ type: StreamView })
  @ApiNotFoundResponse()
  one(@Param('name') name: string): StreamView {
    this.#mustKnow(name);
    return streamView(this.follower.status());
  }

  @Post(':name/resume')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Tries again now what has stopped a stream, from where it stopped; nothing is skipped',
  })
  @ApiOkResponse({ type: StreamView })
  @ApiNotFoundResponse()
  resume(@Param('name') name: string): StreamView {
    this.#mustKnow(name);
    this.follower.resume();
    return streamView(this.follower.status());
  }

  #mustKnow(name: string): void {
    if (name === this.follower.name) return;
    throw new DomainError(
      'SYNC.UNKNOWN_STREAM',
      'not_found',
      `there is no stream ${JSON.stringify(name.slice(0, 64))}, there is ${this.follower.name}`,
    );
  }
}
