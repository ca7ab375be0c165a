import { ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsInt, IsOptional, Matches, Max, Min } from 'class-validator';

const MAX_HOURS = 24 * 92;

export class ReportQueryDto {
  @ApiPropertyOptional({ description: 'So many hours, the current one included', example: 24 })
  @IsOptional()
  @Type(() => Number)
  @IsInt({ message: 'must be a whole number' })
  @Min(1, { message: 'must be at least 1' })
  @Max(MAX_HOURS, { message: `must be at most ${MAX_HOURS}` })
  hours?: number;

  @ApiPropertyOptional({
    description: 'Of the money; by default that of most orders',
    example: 'EUR',
  })
  @IsOptional()
  @Matches(/^[A-Z]{3}$/, { message: 'must be three capital letters' })
  currency?: string;
}
