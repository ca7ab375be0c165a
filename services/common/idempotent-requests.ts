import { Column, Entity, PrimaryColumn, type DataSource, type EntityManager } from 'typeorm';
import type { Clock } from './clock.ts';
import { insertOnce } from './database-errors.ts';
import { DomainError } from './errors.ts';
import { Gathering } from './gathering.ts';
import { insertInto } from './insert-into.ts';
import type { StatusMemory } from './status-memory.ts';

/** What a request with an Idempotency-Key has made. The row commits with it, so a key never stands for nothing. */
@Entity('idempotent_requests')
export class IdempotentRequest {
  /** What was asked for: keys of one operation have nothing to do with those of another. */
  @PrimaryColumn({ type: 'varchar', length: 32 })
  operation!: string;

  @PrimaryColumn({ name: 'idempotency_key', type: 'varchar', length: 128 })
  idempotencyKey!: string;

  @Column({ name: 'request_fingerprint', type: 'char', length: 64 })
  requestFingerprint!: string;

  /** The number of what was made: of an order, a payment, a refund. */
  @Column({ name: 'resource_no', type: 'varchar', length: 64 })
  resourceNo!: string;

  @Column({ name: 'created_at', type: 'datetime', precision: 3 })
  createdAt!: Date;
}

/** Takes the key in the transaction of `manager`; false when it is taken. `row`: what that writes. */
export type ClaimKey = ((manager: EntityManager) => Promise<boolean>) & {
  readonly row: IdempotentRequest;
};

/** Takes all of these keys, in the transaction of `manager`. Errors: ER_DUP_ENTRY when one of them is taken. */
export function claimAll(manager: EntityManager, claims: readonly ClaimKey[]): Promise<void> {
  return insertInto(
    manager,
    IdempotentRequest,
    claims.map(({ row }) => row),
  );
}

export interface KeyedRequest {
  operation: string;
  idempotencyKey: string;
  fingerprint: string;
}

/**
 * Lets a request have its effect once, however often it is sent: HTTP's counterpart of the inbox, and decided the same way.
 * Redis is asked first and spares the database replays; the unique key, inserted first in the transaction of the effect,
 * is the truth.
 */
export class IdempotentRequests {
  readonly #dataSource: DataSource;
  readonly #memory: StatusMemory;
  readonly #clock: Clock;
  readonly #looking = new Gathering<KeyedRequest, Made | undefined>({
    work: (requests) => this.#recordedAll(requests),
  });

  constructor(parts: { dataSource: DataSource; memory: StatusMemory; clock: Clock }) {
    this.#dataSource = parts.dataSource;
    this.#memory = parts.memory;
    this.#clock = parts.clock;
  }

  /**
   * What the request has made before, or now. `effect` makes it in a transaction that begins with `claim`, and answers
   * false when that was refused: another delivery of the request was first, and has committed.
   *
   * Errors: REQUEST.KEY_REUSED when the key stands for a request with another fingerprint; what `effect` throws, and the
   *         key is free then. A refusal that is due to another delivery of the request itself, which has its effect by then,
   *         is none.
   */
  async perform(
    request: KeyedRequest,
    resourceNo: string,
    effect: (claim: ClaimKey, resourceNo: string) => Promise<boolean>,
  ): Promise<{ resourceNo: string; isReplay: boolean }> {
    const key = `request:${request.operation}:${request.idempotencyKey}`;
    const { mark, done } = await this.#memory.begin(key);
    try {
      const known = remembered(done);
      if (known !== undefined) return { resourceNo: this.#same(request, known), isReplay: true };
      const before = await this.#looking.add(request);
      const made = before ?? (await this.#make(request, resourceNo, effect));
      await this.#memory.finish(key, `${made.fingerprint}:${made.resourceNo}`);
      return { resourceNo: this.#same(request, made), isReplay: made.resourceNo !== resourceNo };
    } catch (error) {
      await this.#memory.release(key, mark);
      throw error;
    }
  }

  async #make(
    request: KeyedRequest,
    resourceNo: string,
    effect: (claim: ClaimKey, resourceNo: string) => Promise<boolean>,
  ): Promise<Made> {
    try {
      const claim = this.#claimOf(request, resourceNo);
      if (await effect(claim, resourceNo)) return { ...request, resourceNo };
    } catch (error) {
      const isRefused = error instanceof DomainError && error.kind === 'conflict';
      const first = isRefused ? await this.#looking.add(request) : undefined;
      if (first === undefined) throw error;
      return first;
    }
    const first = await this.#looking.add(request);
    if (first === undefined) throw new Error('an idempotency key was taken and is not there');
    return first;
  }

  #claimOf(request: KeyedRequest, resourceNo: string): ClaimKey {
    const row = {
      operation: request.operation,
      idempotencyKey: request.idempotencyKey,
      requestFingerprint: request.fingerprint,
      resourceNo,
      createdAt: this.#clock.now(),
    };
    const claim = (manager: EntityManager): Promise<boolean> =>
      insertOnce(insertInto(manager, IdempotentRequest, [row]));
    return Object.assign(claim, { row });
  }

  async #recordedAll(requests: readonly KeyedRequest[]): Promise<(Made | undefined)[]> {
    const wanted = requests.map(() => '(operation = ? AND idempotency_key = ?)').join(' OR ');
    const rows: (Made & Pick<KeyedRequest, 'operation' | 'idempotencyKey'>)[] =
      await this.#dataSource.query(
        `SELECT operation, idempotency_key AS idempotencyKey, request_fingerprint AS fingerprint,
           resource_no AS resourceNo FROM idempotent_requests WHERE ${wanted}`,
        requests.flatMap(({ operation, idempotencyKey }) => [operation, idempotencyKey]),
      );
    return requests.map(({ operation, idempotencyKey }) =>
      rows.find((row) => row.operation === operation && row.idempotencyKey === idempotencyKey),
    );
  }

  #same(request: KeyedRequest, made: Made): string {
    if (made.fingerprint === request.fingerprint) return made.resourceNo;
    throw new DomainError(
      'REQUEST.KEY_REUSED',
      'conflict',
      `this Idempotency-Key stands for ${made.resourceNo}, which was asked for with another body; use a new key for a new request`,
    );
  }
}

interface Made {
  fingerprint: string;
  resourceNo: string;
}

function remembered(note: string | undefined): Made | undefined {
  const [, fingerprint, resourceNo] = /^([0-9a-f]{64}):(.+)$/.exec(note ?? '') ?? [];
  return fingerprint === undefined || resourceNo === undefined
    ? undefined
    : { fingerprint, resourceNo };
}
