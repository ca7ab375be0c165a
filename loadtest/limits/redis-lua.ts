import { Redis } from 'ioredis';
import { repeatFor, type Throughput } from './measure.ts';

/** What an admission cannot do without: is there a piece left, does this user have one, take it, note who has it. */
const script = `
if redis.call('HEXISTS', KEYS[2], ARGV[1]) == 1 then return -1 end
local left = tonumber(redis.call('HGET', KEYS[1], 'remaining'))
if left <= 0 then return 0 end
redis.call('HINCRBY', KEYS[1], 'remaining', -1)
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
return left
`;

const connectionCount = 4;
/** Scripts a connection has on their way at a time, as those of one turn of a gate's loop. */
const pipelineCount = 64;

/**
 * Bare Redis: Lua scripts a second by EVALSHA, pipelined, from one process. Each takes a piece for a user who has none.
 *
 * Shape: keys `millrace-limits:*`, deleted at the end.
 */
export async function measureRedisLua(redisUrl: string, durationMs: number): Promise<Throughput> {
  const connections = Array.from({ length: connectionCount }, () => new Redis(redisUrl));
  const keys = ['millrace-limits:{1}:sale', 'millrace-limits:{1}:users'] as const;
  const [first] = connections;
  try {
    await first!.del(...keys);
    await first!.hset(keys[0], 'remaining', Number.MAX_SAFE_INTEGER);
    const sha = (await first!.script('LOAD', script)) as string;
    let users = 0;
    return await repeatFor(
      durationMs,
      connectionCount,
      async (index) => {
        const pipeline = connections[index]!.pipeline();
        for (let count = 0; count < pipelineCount; count += 1) {
          users += 1;
          pipeline.evalsha(sha, keys.length, ...keys, `user-${users}`, String(users));
        }
        const results = await pipeline.exec();
        const refused = results?.find(([error]) => error !== null)?.[0];
        if (refused) throw refused;
      },
      pipelineCount,
    );
  } finally {
    await first!.unlink(...keys);
    for (const connection of connections) connection.disconnect();
  }
}
