import { Controller, Get, Inject, Optional, Res } from '@nestjs/common';
import {
  ApiOkResponse,
  ApiOperation,
  ApiServiceUnavailableResponse,
  ApiTags,
} from '@nestjs/swagger';
import { DataSource } from 'typeorm';
import { MillraceHealth } from './mq.module.ts';
import { RedisConnection } from './redis.ts';

/** The parts a service cannot work without; the others are reported and make nobody wait. */
export const READINESS_NEEDS = Symbol('readiness needs');
export type ReadinessPart = 'database' | 'mq' | 'redis';

interface PartStatus {
  status: 'up' | 'down';
  reason?: string;
}

interface Reply {
  status(code: number): unknown;
}

@ApiTags('health')
@Controller('health')
export class HealthController {
  readonly #dataSource: DataSource;
  readonly #mq: MillraceHealth;
  readonly #needs: readonly ReadinessPart[];
  readonly #redis: RedisConnection | undefined;

  constructor(
    dataSource: DataSource,
    mq: MillraceHealth,
    @Inject(READINESS_NEEDS) needs: readonly ReadinessPart[],
    @Optional() redis?: RedisConnection,
  ) {
    this.#dataSource = dataSource;
    this.#mq = mq;
    this.#needs = needs;
    this.#redis = redis;
  }

  @Get('live')
  @ApiOperation({ summary: 'Is the process able to answer? If not, restart it.' })
  @ApiOkResponse()
  live(): { status: 'up' } {
    return { status: 'up' };
  }

  @Get('ready')
  @ApiOperation({ summary: 'Can it do its work? If not, send it none; a restart will not help.' })
  @ApiOkResponse()
  @ApiServiceUnavailableResponse()
  async ready(
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<{ status: 'up' | 'down'; parts: Partial<Record<ReadinessPart, PartStatus>> }> {
    const redis = this.#redis?.client;
    const parts: Partial<Record<ReadinessPart, PartStatus>> = {
      database: await statusOf(() => this.#dataSource.query('SELECT 1')),
      mq: this.#mq.check(),
      ...(redis ? { redis: await statusOf(() => redis.ping()) } : {}),
    };
    const isReady = this.#needs.every((part) => parts[part]?.status === 'up');
    if (!isReady) reply.status(503);
    return { status: isReady ? 'up' : 'down', parts };
  }
}

async function statusOf(probe: () => Promise<unknown>): Promise<PartStatus> {
  try {
    await probe();
    return { status: 'up' };
  } catch (error) {
    return { status: 'down', reason: error instanceof Error ? error.message : String(error) };
  }
}
