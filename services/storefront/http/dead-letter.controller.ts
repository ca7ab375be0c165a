import { Body, Controller, Get, HttpCode, Param, Post, Query, Req } from '@nestjs/common';
import {
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiPropertyOptional,
  ApiServiceUnavailableResponse,
  ApiTags,
} from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsArray, IsInt, Matches, Max, Min, ValidateIf } from 'class-validator';
import { DomainError } from '../../common/errors.ts';
import type { RequestWithRawBody } from '../../common/http-service.ts';
import {
  DeadLetters,
  PAGE_SIZE,
  type DeadLetterPage,
  type RedriveOutcome,
} from '../queues/dead-letters.ts';

const MAX_IDS = 100;
const MAX_SKIP = 1_000_000;

export class RedriveDto {
  static readonly listLimits = { offsetMsgIds: MAX_IDS };

  @ApiPropertyOptional({ type: [String], maxItems: MAX_IDS, description: 'Without it, all' })
  @ValidateIf((_object, value) => value !== undefined)
  @IsArray({ message: 'must be a list of offsetMsgIds' })
  @Matches(/^(?:[\dA-Fa-f]{32}|[\dA-Fa-f]{56})$/, {
    each: true,
    message: 'must be a list of offsetMsgIds',
  })
  offsetMsgIds?: string[];
}

export class DeadLetterPageDto {
  @ApiPropertyOptional({ default: 0, description: 'How many of the newest are left out' })
  @ValidateIf((_object, value) => value !== undefined)
  @Type(() => Number)
  @IsInt({ message: 'must be a whole number' })
  @Min(0, { message: 'must be 0 or more' })
  @Max(MAX_SKIP, { message: `must be ${MAX_SKIP} or less` })
  skip?: number;
}

@ApiTags('dead letters')
@ApiNotFoundResponse({ description: 'The shop has no such consumer group with dead letters' })
@ApiServiceUnavailableResponse({ description: 'The broker does not answer' })
@Controller('api/dead-letters')
export class DeadLetterController {
  constructor(private readonly deadLetters: DeadLetters) {}

  @Get(':group')
  @ApiOperation({
    summary: `Shows those that were not given back, ${PAGE_SIZE} at a time, the newest first`,
  })
  @ApiOkResponse()
  of(
    @Param('group') group: string,
    @Query() { skip = 0 }: DeadLetterPageDto,
  ): Promise<DeadLetterPage> {
    return this.deadLetters.of(group, skip);
  }

  @Post(':group/redrive')
  @HttpCode(200)
  @ApiOperation({ summary: 'Gives them back to their group, which takes them as new' })
  @ApiOkResponse()
  async redrive(
    @Param('group') group: string,
    @Body() { offsetMsgIds }: RedriveDto,
    @Req() { rawBody }: RequestWithRawBody,
  ): Promise<RedriveOutcome> {
    if (rawBody === undefined) {
      const detail = 'the request has no body, it must be JSON: {} for all';
      throw new DomainError('REQUEST.INVALID', 'invalid', detail);
    }
    return this.deadLetters.redrive(group, offsetMsgIds);
  }
}
