import { BARE_PATH, BARE_REQUEST_BODY, BareFastify } from './bare-fastify.ts';
import { measureWithGenerator } from './bare-scenario.ts';
import { BATCH_COUNT, measureMariadbInserts } from './mariadb-inserts.ts';
import type { Throughput } from './measure.ts';
import { measureRedisLua } from './redis-lua.ts';
import { measureWithWrk } from './wrk.ts';

export interface LimitsAt {
  databaseUrl: string;
  redisUrl: string;
  /** Of each measure. */
  durationMs: number;
}

/** Prints one line about a measure when it ends; `say` sets the words. */
export type Step = <T>(
  name: string,
  work: (say: (words: string) => void) => Promise<T>,
) => Promise<T>;

/**
 * What the parts of the shop can do on this machine when they do nothing else, one after another. A figure of a load test is
 * read against the one of its part, taken in the same run: machines are noisy, and this one may be small.
 */
export async function measureLimits(
  { databaseUrl, redisUrl, durationMs }: LimitsAt,
  step: Step,
): Promise<Record<string, number>> {
  const figures: Record<string, number> = {};
  const keep = (name: string, { perS, p99Ms }: Throughput): string => {
    figures[`${name}_per_s`] = Math.round(perS);
    figures[`${name}_p99_ms`] = Math.round(p99Ms * 100) / 100;
    return `${Math.round(perS).toLocaleString('en')} a second, p99 ${p99Ms.toFixed(2)} ms`;
  };
  {
    await using server = await BareFastify.start();
    const origin = `http://127.0.0.1:${server.port}`;
    await step('Fastify, ours', async (say) => {
      const { result, isHeld } = await measureWithGenerator(origin, durationMs);
      const { latency, generator, answeredPerS: perS } = result;
      const figure = keep('fastify_generator', { perS, ...latency });
      figures['generator_cpu_us_per_request'] = Math.round(generator.cpuMicrosPerRequest * 10) / 10;
      say(
        `${figure}; our generator takes ${generator.cpuCores.toFixed(2)} cores for it${isHeld ? '' : ', and the rate was not held'}`,
      );
    });
    const url = `${origin}${BARE_PATH}`;
    await step('Fastify, wrk', async (say) => {
      const figure = await measureWithWrk(url, BARE_REQUEST_BODY, durationMs);
      if (figure === undefined) say('no wrk on PATH; on Debian: apt-get install wrk');
      else say(`${keep('fastify_wrk', figure)}, ${figure.errorCount} errors, 64 connections`);
    });
  }
  await step('Redis, Lua', async (say) => {
    const figure = await measureRedisLua(redisUrl, durationMs);
    say(`${keep('redis_lua', figure)} for 64 in a pipeline`);
  });
  await step('MariaDB', async (say) => {
    const { single, batched } = await measureMariadbInserts(databaseUrl, durationMs);
    const one = keep('mariadb_orders', single);
    say(
      `a commit an order: ${one}; ${BATCH_COUNT} a commit: ${keep('mariadb_batched_orders', batched)}`,
    );
  });
  return figures;
}
