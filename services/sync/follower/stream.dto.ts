import { ApiProperty } from '@nestjs/swagger';
import type { BinlogPosition } from '../../contracts/order-binlog.ts';
import type { StreamState, StreamStatus } from './stream-status.ts';

export class PositionView {
  @ApiProperty({ example: 'binlog.000012' })
  file!: string;

  @ApiProperty({ description: 'Bytes from the beginning of the file' })
  offset!: number;
}

export class StreamView {
  @ApiProperty({ example: 'order-binlog' })
  name!: string;

  @ApiProperty({ enum: ['STARTING', 'STANDBY', 'FOLLOWING', 'WAITING', 'STOPPED'] })
  state!: StreamState;

  @ApiProperty({ description: 'When it came into this state' })
  since!: string;

  @ApiProperty({ required: false, description: 'Why it waits or is stopped' })
  reason?: string;

  @ApiProperty({ required: false, example: 'SYNC.MALFORMED_EVENT' })
  code?: string;

  @ApiProperty({ required: false, description: 'The event that stopped it' })
  stoppedAt?: PositionView;

  @ApiProperty({ required: false, description: 'Everything before it is published' })
  published?: PositionView;

  @ApiProperty({ description: 'Changes that have been read and wait for the broker' })
  waitingCount!: number;

  @ApiProperty({ required: false, description: 'How old what is published is at most' })
  lagS?: number;
}

export class StreamsView {
  @ApiProperty({ type: [StreamView] })
  streams!: StreamView[];
}

export function streamView(status: StreamStatus): StreamView {
  const { name, state, since, reason, code, stoppedAt, published, waitingCount, lagS } = status;
  return {
    name,
    state,
    since: since.toISOString(),
    ...(reason === undefined ? {} : { reason }),
    ...(code === undefined ? {} : { code }),
    ...(stoppedAt === undefined ? {} : { stoppedAt: positionView(stoppedAt) }),
    ...(published === undefined ? {} : { published: positionView(published) }),
    waitingCount,
    ...(lagS === undefined ? {} : { lagS }),
  };
}

function positionView({ file, offset }: BinlogPosition): PositionView {
  return { file, offset };
}
