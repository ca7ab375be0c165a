import { applyDecorators } from '@nestjs/common';
import { ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  IsInt,
  IsNumber,
  IsObject,
  Max,
  Min,
  ValidateBy,
  ValidateIf,
  ValidateNested,
} from 'class-validator';
import { MAX_FAILING_CHARGES, MAX_FAILURE_COUNT, MAX_LATENCY_MS } from '../domain/behaviour.ts';

/** Not IsOptional, which takes null for a field that did not come. */
function Optional(): PropertyDecorator {
  return ValidateIf((_object, value) => value !== undefined);
}

function WholeNumber(max: number, description?: string): PropertyDecorator {
  const message = `must be a whole number from 0 to ${max}`;
  return applyDecorators(
    ApiPropertyOptional({ minimum: 0, maximum: max, ...(description && { description }) }),
    Optional(),
    IsInt({ message }),
    Min(0, { message }),
    Max(max, { message }),
  );
}

function Rate(description: string): PropertyDecorator {
  const message = 'must be a number from 0 to 1';
  return applyDecorators(
    ApiPropertyOptional({ minimum: 0, maximum: 1, description }),
    Optional(),
    IsNumber({}, { message }),
    Min(0, { message }),
    Max(1, { message }),
  );
}

function FailureCounts(description: string): PropertyDecorator {
  return applyDecorators(
    ApiPropertyOptional({
      type: 'object',
      additionalProperties: { type: 'integer', minimum: 1, maximum: MAX_FAILURE_COUNT },
      example: { 'PAY-20261120-7K3M9Q2T4VXA': 2 },
      description,
    }),
    Optional(),
    ValidateBy({
      name: 'failureCounts',
      validator: {
        validate: areFailureCounts,
        defaultMessage: () =>
          `must be an object of at most ${MAX_FAILING_CHARGES} charge numbers, each with a whole number from 1 to ${MAX_FAILURE_COUNT}`,
      },
    }),
  );
}

function areFailureCounts(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const entries = Object.entries(value as Record<string, unknown>);
  return (
    entries.length <= MAX_FAILING_CHARGES &&
    entries.every(
      ([requestNo, count]) =>
        /^[\x21-\x7e]{1,64}$/.test(requestNo) &&
        Number.isInteger(count) &&
        (count as number) >= 1 &&
        (count as number) <= MAX_FAILURE_COUNT,
    )
  );
}

export class ChannelBehaviourDto {
  @WholeNumber(MAX_LATENCY_MS, 'From the acceptance of a charge to its settlement')
  latencyMs?: number;

  @Rate('Charges and refunds answered 500 and not stored')
  errorRate?: number;

  @Rate('Charges and refunds stored and never answered')
  lostAnswerRate?: number;

  @Rate('Charges that settle FAILED')
  declineRate?: number;

  @Rate('Callbacks sent once more after they were taken')
  duplicateCallbackRate?: number;

  @WholeNumber(MAX_LATENCY_MS, 'From the settlement to the first callback')
  lateCallbackMs?: number;

  @Rate('Charges whose callback is never sent')
  lostCallbackRate?: number;

  @WholeNumber(MAX_FAILURE_COUNT, 'So many of the next refunds are answered 503; counts down')
  failNextRefunds?: number;

  @FailureCounts('The same for the refunds of these charges; replaces all that were given before')
  failRefundsOf?: Record<string, number>;
}

export class CarrierBehaviourDto {
  @WholeNumber(MAX_LATENCY_MS, 'From a request to ship to its being stored and answered')
  latencyMs?: number;

  @Rate('Shipments answered 500 and not stored')
  errorRate?: number;

  @Rate('Shipments stored and never answered')
  lostAnswerRate?: number;

  @WholeNumber(MAX_FAILURE_COUNT, 'So many of the next shipments are answered 503; counts down')
  failNextShipments?: number;
}

export class BehaviourDto {
  @ApiPropertyOptional({ type: ChannelBehaviourDto })
  @Optional()
  @IsObject({ message: 'must be an object of settings' })
  @ValidateNested()
  @Type(() => ChannelBehaviourDto)
  channel?: ChannelBehaviourDto;

  @ApiPropertyOptional({ type: CarrierBehaviourDto })
  @Optional()
  @IsObject({ message: 'must be an object of settings' })
  @ValidateNested()
  @Type(() => CarrierBehaviourDto)
  carrier?: CarrierBehaviourDto;
}
