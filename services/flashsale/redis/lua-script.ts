import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';

/** The part of ioredis a script needs. */
export type ScriptRunner = Pick<Redis, 'evalsha' | 'eval'>;

type Argument = string | number;

/** A script that Redis keeps and knows by its hash; one that was restarted, or flushed, is given it again. */
export class LuaScript {
  readonly #lua: string;
  readonly #sha1: string;

  constructor(lua: string) {
    this.#lua = lua;
    this.#sha1 = createHash('sha1').update(lua).digest('hex');
  }

  /** Errors: ioredis's own. A script that was not known has not run: to give it again cannot run it twice. */
  async run(
    redis: ScriptRunner,
    keys: readonly string[],
    argv: readonly Argument[],
  ): Promise<unknown> {
    try {
      return await redis.evalsha(this.#sha1, keys.length, ...keys, ...argv);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return redis.eval(this.#lua, keys.length, ...keys, ...argv);
    }
  }
}
