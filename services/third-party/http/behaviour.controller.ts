import { Body, Controller, Get, Put } from '@nestjs/common';
import { ApiBadRequestResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Misbehaviour } from '../application/misbehaviour.ts';
import type { Behaviour } from '../domain/behaviour.ts';
import { BehaviourDto } from './behaviour.dto.ts';

@ApiTags('behaviour')
@Controller('behaviour')
export class BehaviourController {
  constructor(private readonly misbehaviour: Misbehaviour) {}

  @Get()
  @ApiOperation({ summary: 'How channel and carrier misbehave just now' })
  @ApiOkResponse({ type: BehaviourDto })
  show(): Behaviour {
    return this.misbehaviour.current;
  }

  @Put()
  @ApiOperation({ summary: 'Changes what is named; until the next start' })
  @ApiOkResponse({ type: BehaviourDto })
  @ApiBadRequestResponse({ description: 'Field by field, as application/problem+json' })
  change(@Body() body: BehaviourDto): Behaviour {
    return this.misbehaviour.change(body);
  }
}
