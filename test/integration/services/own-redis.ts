import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from '../../../infra/free-port.ts';
import { TestProcess } from '../../support/process.ts';

/** Where Redis is given by its URL alone there is none to be killed. */
export const hasRedisServer = spawnSync('redis-server', ['--version']).status === 0;

/** A Redis of the test's own, to be killed and started again: empty, or with what it last saved. */
export class OwnRedis implements AsyncDisposable {
  readonly url: string;
  readonly #dir: string;
  readonly #process: TestProcess;

  private constructor(dir: string, port: number, server: TestProcess) {
    this.#dir = dir;
    this.url = `redis://127.0.0.1:${port}`;
    this.#process = server;
  }

  static async start(): Promise<OwnRedis> {
    const dir = await mkdtemp(join(tmpdir(), 'millrace-redis-'));
    const port = await freePort();
    const server = await TestProcess.start({
      command: 'redis-server',
      args: ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--save', ''],
      ready: /Ready to accept connections/,
    });
    return new OwnRedis(dir, port, server);
  }

  /** What it holds now is what it has after a restart. */
  async save(): Promise<void> {
    const client = new Redis(this.url);
    await client.save();
    client.disconnect();
  }

  /** It is gone at once, and with it all it did not save. */
  async kill(): Promise<void> {
    await this.#process.kill();
  }

  async start(from: 'empty' | 'saved'): Promise<void> {
    if (from === 'empty') await rm(join(this.#dir, 'dump.rdb'), { force: true });
    await this.#process.restart();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
    await rm(this.#dir, { recursive: true, force: true });
  }
}
