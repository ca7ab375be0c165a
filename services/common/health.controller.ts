import { Controller, Get, Inject, Optional, Res } from '@nestjs/common';
import {
  ApiOkResponse,
  ApiOperation,
  ApiServiceUnavailableResponse,
  ApiTags,
} from '@nestjs/swagger';
import { DataSource } from 'typeorm';
import { MillraceHealth } from './mq.module.ts';
import { Probe, type PartStatus } from './probe.ts';
import { RedisConnection } from './redis.ts';

/** The parts a service cannot work without; the others are reported and make nobody wait. */
export const READINESS_NEEDS = Symbol('readiness needs');
export type ReadinessPart = 'database' | 'mq' | 'redis';

/** Shorter than any prober's own patience should be. */
const PROBE_TIMEOUT_MS = 2_000;

interface Reply {
  status(code: number): unknown;
}

@ApiTags('health')
@Controller('health')
export class HealthController {
  readonly #database: Probe | undefined;
  readonly #mq: MillraceHealth | undefined;
  readonly #needs: readonly ReadinessPart[];
  readonly #redis: Probe | undefined;

  constructor(
    // Named, because the type of what may be missing says nothing at run time.
    @Optional() @Inject(DataSource) dataSource: DataSource | undefined,
    @Inject(READINESS_NEEDS) needs: readonly ReadinessPart[],
    @Optional() mq?: MillraceHealth,
    @Optional() redis?: RedisConnection,
  ) {
    this.#database = dataSource && new Probe(() => dataSource.query('SELECT 1'), PROBE_TIMEOUT_MS);
    this.#mq = mq;
    this.#needs = needs;
    this.#redis = redis && new Probe(() => redis.client.ping(), PROBE_TIMEOUT_MS);
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
    const [database, redis] = await Promise.all([this.#database?.status(), this.#redis?.status()]);
    const parts: Partial<Record<ReadinessPart, PartStatus>> = {
      ...(database ? { database } : {}),
      ...(this.#mq ? { mq: this.#mq.check() } : {}),
      ...(redis ? { redis } : {}),
    };
    const isReady = this.#needs.every((part) => parts[part]?.status === 'up');
    if (!isReady) reply.status(503);
    return { status: isReady ? 'up' : 'down', parts };
  }
}
