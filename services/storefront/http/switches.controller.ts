import { Body, Controller, Put } from '@nestjs/common';
import {
  ApiConflictResponse,
  ApiOkResponse,
  ApiOperation,
  ApiServiceUnavailableResponse,
  ApiTags,
} from '@nestjs/swagger';
import type { SwitchesEvent } from '../live/live-events.ts';
import { SwitchWatch } from '../switches/switch-watch.ts';
import { SwitchesDto } from './switches.dto.ts';

@ApiTags('switches')
@Controller('api/switches')
export class SwitchesController {
  constructor(private readonly switches: SwitchWatch) {}

  @Put()
  @ApiOperation({ summary: 'Turns the one switch that is named, and shows all of them' })
  @ApiOkResponse()
  @ApiConflictResponse({ description: 'It cannot be turned here; the answer says why' })
  @ApiServiceUnavailableResponse()
  turn(@Body() body: SwitchesDto): Promise<SwitchesEvent> {
    return this.switches.turn(body);
  }
}
