import { ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  IsIn,
  IsInt,
  IsNumber,
  IsObject,
  Max,
  Min,
  ValidateIf,
  ValidateNested,
} from 'class-validator';

const MAX_LATENCY_MS = 60_000;
const latencyMessage = `must be a whole number from 0 to ${MAX_LATENCY_MS}`;
const rateMessage = 'must be a number from 0 to 1';
const states = ['running', 'stopped'] as const;
const stateMessage = 'must be running or stopped';

/** Not IsOptional, which takes null for a field that did not come. */
function Optional(): PropertyDecorator {
  return ValidateIf((_object, value) => value !== undefined);
}

export class ThirdPartySwitchDto {
  @ApiPropertyOptional({ minimum: 0, maximum: MAX_LATENCY_MS })
  @Optional()
  @IsInt({ message: latencyMessage })
  @Min(0, { message: latencyMessage })
  @Max(MAX_LATENCY_MS, { message: latencyMessage })
  latencyMs?: number;

  @ApiPropertyOptional({ minimum: 0, maximum: 1 })
  @Optional()
  @IsNumber({}, { message: rateMessage })
  @Min(0, { message: rateMessage })
  @Max(1, { message: rateMessage })
  errorRate?: number;
}

export class SwitchesDto {
  @ApiPropertyOptional({ type: ThirdPartySwitchDto })
  @Optional()
  @IsObject({ message: 'must be an object' })
  @ValidateNested()
  @Type(() => ThirdPartySwitchDto)
  thirdParty?: ThirdPartySwitchDto;

  @ApiPropertyOptional({ enum: states })
  @Optional()
  @IsIn(states, { message: stateMessage })
  couponDatabase?: (typeof states)[number];

  @ApiPropertyOptional({ enum: states })
  @Optional()
  @IsIn(states, { message: stateMessage })
  broker?: (typeof states)[number];
}
