import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { Clock } from '../../../services/common/clock.ts';
import { DomainError } from '../../../services/common/errors.ts';
import { fingerprintOf } from '../../../services/common/idempotency-key.ts';
import { createIdempotentRequestTable } from '../../../services/common/idempotent-request-table.ts';
import {
  IdempotentRequest,
  IdempotentRequests,
  type ClaimKey,
  type KeyedRequest,
} from '../../../services/common/idempotent-requests.ts';
import { StatusMemory } from '../../../services/common/status-memory.ts';
import { inTransaction } from '../../../services/common/transaction.ts';
import { recordingLog } from '../../services/recording-log.ts';
import { redisUrl } from './shop.ts';
import { Tables } from './tables.ts';

class Effects1 implements MigrationInterface {
  name = 'Effects1764000000000';

  async up(runner: QueryRunner): Promise<void> {
    await createIdempotentRequestTable(runner);
    await runner.query(
      'CREATE TABLE effects (id VARCHAR(64) NOT NULL PRIMARY KEY) ENGINE = InnoDB',
    );
  }

  async down(): Promise<void> {
    await Promise.resolve();
  }
}

/** A database of its own within Redis, so that it can be flushed under the requests' feet. */
const ownRedis = new URL('/3', redisUrl()).href;

let tables: Tables;
let redis: Redis;

beforeAll(async () => {
  tables = await Tables.create([IdempotentRequest], [Effects1]);
  redis = new Redis(ownRedis);
});

beforeEach(() => redis.flushdb());

afterEach(() => tables.dataSource.query('DELETE FROM effects'));

afterAll(async () => {
  redis.disconnect();
  await tables[Symbol.asyncDispose]();
});

/** As every process of a service has one. */
function requests(store: Redis = redis): IdempotentRequests {
  const settings = { processingExpiryMs: 60_000, doneExpiryMs: 60_000 };
  const memory = new StatusMemory({ store, settings, log: recordingLog().log });
  return new IdempotentRequests({ dataSource: tables.dataSource, memory, clock: new Clock() });
}

function newRequest(): KeyedRequest {
  return { operation: 'test', idempotencyKey: randomUUID(), fingerprint: fingerprintOf(['a']) };
}

async function effect(claim: ClaimKey, resourceNo: string): Promise<boolean> {
  return inTransaction(tables.dataSource, async (manager) => {
    if (!(await claim(manager))) return false;
    await manager.query('INSERT INTO effects (id) VALUES (?)', [resourceNo]);
    return true;
  });
}

const perform = (request: KeyedRequest, by = requests(), work = effect) =>
  by.perform(request, randomUUID(), work);

const effects = (): Promise<number> => tables.count('effects');
const redisKey = ({ operation, idempotencyKey }: KeyedRequest): string =>
  `request:${operation}:${idempotencyKey}`;

describe('a request with a key', () => {
  it('has its effect once, and is answered the same after that', async () => {
    const request = newRequest();
    const first = await perform(request);
    expect(first.isReplay).toBe(false);
    expect(await perform(request)).toEqual({ resourceNo: first.resourceNo, isReplay: true });
    expect(await effects()).toBe(1);
  });

  it('costs the database nothing when Redis remembers it', async () => {
    const request = newRequest();
    const { resourceNo } = await perform(request);
    await tables.dataSource.query('DELETE FROM idempotent_requests');
    expect(await perform(request)).toEqual({ resourceNo, isReplay: true });
  });

  it('is decided by the database when Redis was flushed, and Redis remembers it again', async () => {
    const request = newRequest();
    const { resourceNo } = await perform(request);
    await redis.flushdb();
    expect(await perform(request)).toEqual({ resourceNo, isReplay: true });
    expect(await redis.get(redisKey(request))).toBe(`done:${request.fingerprint}:${resourceNo}`);
    expect(await effects()).toBe(1);
  });

  it('is decided by the database when Redis is away', async () => {
    const away = new Redis({
      host: '127.0.0.1',
      port: 1,
      lazyConnect: true,
      enableOfflineQueue: false,
      retryStrategy: () => null,
    });
    away.on('error', () => undefined);
    const request = newRequest();
    const { resourceNo } = await perform(request, requests(away));
    expect(await perform(request, requests(away))).toEqual({ resourceNo, isReplay: true });
    expect(await effects()).toBe(1);
    away.disconnect();
  });

  it('is not held up by one that died in the middle', async () => {
    const request = newRequest();
    await redis.set(redisKey(request), `processing:${randomUUID()}`);
    expect((await perform(request)).isReplay).toBe(false);
    expect((await perform(request)).isReplay).toBe(true);
  });

  it('has its effect once for 30 at once in three processes, with Redis flushed in between', async () => {
    const request = newRequest();
    const processes = [requests(), requests(), requests()];
    const all = Array.from({ length: 30 }, async (_, index) => {
      if (index % 7 === 0) await redis.flushdb();
      return perform(request, processes[index % 3]);
    });
    const answers = await Promise.all(all);
    expect(new Set(answers.map(({ resourceNo }) => resourceNo)).size).toBe(1);
    expect(answers.filter(({ isReplay }) => !isReplay)).toHaveLength(1);
    expect(await effects()).toBe(1);
  });

  it.each([
    ['that Redis remembers', false],
    ['that only the database remembers', true],
  ])(
    '%s is refused with another body, whatever Redis knows after that',
    async (_what, isFlushed) => {
      const request = newRequest();
      const { resourceNo } = await perform(request);
      if (isFlushed) await redis.flushdb();
      const other = { ...request, fingerprint: fingerprintOf(['b']) };
      for (let time = 0; time < 2; time++) {
        await expect(perform(other)).rejects.toMatchObject({
          code: 'REQUEST.KEY_REUSED',
          kind: 'conflict',
          message: expect.stringContaining(resourceNo),
        });
      }
      expect(await perform(request)).toEqual({ resourceNo, isReplay: true });
    },
  );

  it('is another one in another operation', async () => {
    const request = newRequest();
    await perform(request);
    expect(await perform({ ...request, operation: 'test-2' })).toMatchObject({ isReplay: false });
  });

  it('that fails leaves its key free, in Redis too', async () => {
    const request = newRequest();
    const failing = perform(request, requests(), () => Promise.reject(new Error('no')));
    await expect(failing).rejects.toThrow('no');
    expect(await redis.get(redisKey(request))).toBeNull();
    expect((await perform(request)).isReplay).toBe(false);
  });

  it('is told of its effect when it is refused because of that', async () => {
    const request = newRequest();
    let first: string | undefined;
    const refused = perform(request, requests(), async () => {
      // The same request, sent again by a client that could not wait, is through meanwhile.
      first = (await perform(request)).resourceNo;
      throw new DomainError('STOCK.INSUFFICIENT', 'conflict', 'that was the last one');
    });
    expect(await refused).toEqual({ resourceNo: first, isReplay: true });
  });
});
