import { Body, Controller, Get, HttpCode, Param, Post, Req } from '@nestjs/common';
import {
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiPropertyOptional,
  ApiServiceUnavailableResponse,
  ApiTags,
} from '@nestjs/swagger';
import { IsArray, Matches, ValidateIf } from 'class-validator';
import { DomainError } from '../../common/errors.ts';
import type { RequestWithRawBody } from '../../common/http-service.ts';
import { DeadLetters, type DeadLetter } from '../queues/dead-letters.ts';

const MAX_IDS = 100;

export class RedriveDto {
  static readonly listLimits = { messageIds: MAX_IDS };

  @ApiPropertyOptional({ type: [String], maxItems: MAX_IDS, description: 'Without it, all' })
  @ValidateIf((_object, value) => value !== undefined)
  @IsArray({ message: 'must be a list of message ids' })
  @Matches(/^[\x21-\x7e]{1,128}$/, { each: true, message: 'must be a list of message ids' })
  messageIds?: string[];
}

@ApiTags('dead letters')
@ApiNotFoundResponse({ description: 'The shop has no such consumer group with dead letters' })
@ApiServiceUnavailableResponse({ description: 'The broker does not answer' })
@Controller('api/dead-letters')
export class DeadLetterController {
  constructor(private readonly deadLetters: DeadLetters) {}

  @Get(':group')
  @ApiOperation({ summary: 'Shows the oldest hundred that were not given back' })
  @ApiOkResponse()
  async of(@Param('group') group: string): Promise<{ items: DeadLetter[] }> {
    return { items: await this.deadLetters.of(group) };
  }

  @Post(':group/redrive')
  @HttpCode(200)
  @ApiOperation({ summary: 'Gives them back to their group, which takes them as new' })
  @ApiOkResponse()
  async redrive(
    @Param('group') group: string,
    @Body() { messageIds }: RedriveDto,
    @Req() { rawBody }: RequestWithRawBody,
  ): Promise<{ redriven: number }> {
    if (rawBody === undefined) {
      const detail = 'the request has no body, it must be JSON: {} for all';
      throw new DomainError('REQUEST.INVALID', 'invalid', detail);
    }
    return { redriven: await this.deadLetters.redrive(group, messageIds) };
  }
}
