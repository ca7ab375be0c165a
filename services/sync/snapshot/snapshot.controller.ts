import { Controller, Get, HttpCode, Post } from '@nestjs/common';
import {
  ApiAcceptedResponse,
  ApiOkResponse,
  ApiOperation,
  ApiProperty,
  ApiServiceUnavailableResponse,
  ApiTags,
} from '@nestjs/swagger';
import { SnapshotBook, type SnapshotEntry } from './snapshot-book.ts';
import { SnapshotRunner } from './snapshot-runner.ts';

const LISTED_COUNT = 20;

export class SnapshotPositionView {
  @ApiProperty({ example: 'binlog.000012' })
  file!: string;

  @ApiProperty()
  offset!: number;
}

export class SnapshotView {
  @ApiProperty()
  snapshotId!: number;

  @ApiProperty({ enum: ['REQUESTED', 'DONE'] })
  state!: string;

  @ApiProperty({ description: 'Why it was asked for' })
  reason!: string;

  @ApiProperty()
  requestedAt!: string;

  @ApiProperty({ required: false })
  finishedAt?: string;

  @ApiProperty({ required: false, description: 'Of the moment it shows, in the binlog' })
  position?: SnapshotPositionView;

  @ApiProperty()
  rowCount!: number;

  @ApiProperty({ required: false, description: 'Why the last try failed' })
  problem?: string;
}

export class SnapshotListView {
  @ApiProperty({ type: [SnapshotView] })
  items!: SnapshotView[];
}

@ApiTags('snapshots')
@Controller('snapshots')
export class SnapshotController {
  constructor(
    private readonly book: SnapshotBook,
    private readonly runner: SnapshotRunner,
  ) {}

  @Post()
  @HttpCode(202)
  @ApiOperation({
    summary: 'Brings all of the source into the copy again, while changes go on being applied',
    description:
      'A stream that has stopped begins anew with it, behind what it could not tell. A request while another one waits is ' +
      'the same request.',
  })
  @ApiAcceptedResponse({ type: SnapshotView })
  @ApiServiceUnavailableResponse({ description: 'The database with the copy is away' })
  async request(): Promise<SnapshotView> {
    return viewOf(await this.runner.request('POST /snapshots'));
  }

  @Get()
  @ApiOperation({ summary: 'Shows the last snapshots, newest first' })
  @ApiOkResponse({ type: SnapshotListView })
  @ApiServiceUnavailableResponse({ description: 'The database with the copy is away' })
  async list(): Promise<SnapshotListView> {
    return { items: (await this.book.list(LISTED_COUNT)).map(viewOf) };
  }
}

function viewOf({
  finishedAt,
  position,
  problem,
  beginsAnew: _beginsAnew,
  ...facts
}: SnapshotEntry): SnapshotView {
  return {
    ...facts,
    ...(finishedAt !== undefined && { finishedAt }),
    ...(position !== undefined && {
      position: { file: position.file, offset: position.offset },
    }),
    ...(problem !== undefined && { problem }),
  };
}
