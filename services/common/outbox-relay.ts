import { setTimeout as delay } from 'node:timers/promises';
import type { OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import type { DataSource, EntityManager } from 'typeorm';
import type { Clock } from './clock.ts';
import type { Log } from './log.ts';
import type { MessageSender } from './mq.module.ts';
import { OutboxMessage } from './outbox.ts';
import { delayUntil } from './outgoing-event.ts';

export interface OutboxSettings {
  /** How soon a row is found that another process committed and did not live to send. */
  readonly pollMs: number;
  readonly batchCount: number;
  /** Keys sent side by side; messages of one key always go one after the other. */
  readonly concurrency: number;
  readonly minBackoffMs: number;
  readonly maxBackoffMs: number;
}

/** What one pass over the oldest unsent messages came to. */
export interface PassResult {
  /** `busy`: another process holds the lease and is sending. */
  outcome: 'idle' | 'sent' | 'failed' | 'busy';
  sentCount: number;
  /** True when the batch was full, so that there is probably more. */
  hasMore: boolean;
}

const BUSY_PAUSE_MS = 25;

/** As many as one statement should name. Beyond that the oldest messages are tried again first. */
const MAX_STUCK_KEYS = 10_000;

/**
 * Sends what the outbox holds and marks each message once the broker has said SEND_OK.
 *
 * Order:  per key in the order of the ids it finds, always into the queue the key chooses. (A transaction that took its id
 *         earlier and commits later is found later, unless events of a key lock one row first.) A message that fails holds back
 *         the later ones of its key and nobody else: should such messages fill a whole batch, later passes look
 *         behind them until they have seen all.
 * Crash:  between send and mark the message stays unmarked and is sent again: at least once, never lost.
 * Many:   every process of the service runs a relay; the row of outbox_lease lets one at a time send. The lease is a
 *         row lock, so it ends with the connection of a process that dies.
 */
export class OutboxRelay implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #dataSource: DataSource;
  readonly #sender: MessageSender;
  readonly #settings: OutboxSettings;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #stop = new AbortController();
  /** Keys that failed since the outbox was last read from its oldest message to its newest. */
  readonly #stuckKeys = new Set<string>();
  #wakeUp: () => void = () => undefined;
  #running: Promise<void> | undefined;

  constructor(parts: {
    dataSource: DataSource;
    sender: MessageSender;
    settings: OutboxSettings;
    clock: Clock;
    log: Log;
  }) {
    this.#dataSource = parts.dataSource;
    this.#sender = parts.sender;
    this.#settings = parts.settings;
    this.#clock = parts.clock;
    this.#log = parts.log;
  }

  onApplicationBootstrap(): void {
    this.#running ??= this.#run();
  }

  /**
   * Ends after one more pass, which sends what the last listeners and requests have committed: they have ended in an
   * earlier hook. Nest calls this hook of the module that has the relay before those of the modules it imports, and
   * so before the Producer and the database are gone.
   */
  async onApplicationShutdown(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** There is a new row: look now instead of at the next poll. */
  wake(): void {
    this.#wakeUp();
  }

  /** How many messages wait to be sent. Errors: the database's. */
  async unsentCount(): Promise<number> {
    const [row]: { count: string }[] = await this.#dataSource.query(
      'SELECT COUNT(*) AS count FROM outbox_messages WHERE sent_at IS NULL',
    );
    return Number(row?.count);
  }

  /**
   * How long ago that happened which the oldest of them tells of; 0 when there is none, or when that lies ahead of this clock.
   *
   * Errors: the database's.
   */
  async oldestUnsentAgeS(): Promise<number> {
    const [row]: { createdAt: Date }[] = await this.#dataSource.query(
      'SELECT created_at AS createdAt FROM outbox_messages WHERE sent_at IS NULL ORDER BY id LIMIT 1',
    );
    if (row === undefined) return 0;
    return Math.max(0, this.#clock.now().getTime() - row.createdAt.getTime()) / 1_000;
  }

  /** One pass. Errors: the database's, when it is away; the broker's failures are an outcome, not an error. */
  async pass(): Promise<PassResult> {
    // A first look, which mostly is all.
    if (this.#stuckKeys.size === 0 && !(await this.#hasUnsent())) {
      return { outcome: 'idle', sentCount: 0, hasMore: false };
    }
    return this.#dataSource.transaction(async (manager) => {
      const lease: unknown[] = await manager.query(
        'SELECT name FROM outbox_lease WHERE name = ? FOR UPDATE SKIP LOCKED',
        ['relay'],
      );
      if (lease.length === 0) return { outcome: 'busy', sentCount: 0, hasMore: true };
      const batch = await this.#oldestUnsent(manager);
      const hasStuck = this.#stuckKeys.size > 0;
      if (batch.length < this.#settings.batchCount) this.#stuckKeys.clear();
      if (batch.length === 0) {
        return { outcome: hasStuck ? 'failed' : 'idle', sentCount: 0, hasMore: hasStuck };
      }
      const { messageIds, failures } = await this.#sendAll(batch);
      await markSent(manager, messageIds, this.#clock.now());
      this.#report(failures);
      if (batch.length === this.#settings.batchCount) this.#setAside(failures);
      return {
        outcome: failures.length > 0 ? 'failed' : 'sent',
        sentCount: messageIds.size,
        hasMore: batch.length === this.#settings.batchCount,
      };
    });
  }

  async #hasUnsent(): Promise<boolean> {
    const rows: unknown[] = await this.#dataSource.query(
      'SELECT 1 FROM outbox_messages WHERE sent_at IS NULL LIMIT 1',
    );
    return rows.length > 0;
  }

  #oldestUnsent(manager: EntityManager): Promise<OutboxMessage[]> {
    const query = manager
      .createQueryBuilder(OutboxMessage, 'message')
      .where('message.sent_at IS NULL')
      .orderBy('message.id', 'ASC')
      .limit(this.#settings.batchCount);
    if (this.#stuckKeys.size > 0) {
      query.andWhere('message.message_key NOT IN (:...stuck)', { stuck: [...this.#stuckKeys] });
    }
    return query.getMany();
  }

  #setAside(failures: readonly SendFailure[]): void {
    if (this.#stuckKeys.size > MAX_STUCK_KEYS) this.#stuckKeys.clear();
    for (const { message } of failures) this.#stuckKeys.add(message.messageKey);
  }

  async #run(): Promise<void> {
    let failureCount = 0;
    while (!this.#stop.signal.aborted) {
      // Before the pass, so that a row committed while it runs is not slept through.
      const woken = new Promise<void>((resolve) => {
        this.#wakeUp = resolve;
      });
      const result = await this.#passOrFailure();
      failureCount = result.outcome === 'failed' ? failureCount + 1 : 0;
      await this.#pause(pauseAfter(result, failureCount, this.#settings), woken);
    }
    // With the broker away it would only hold up the end; the rows wait for the next start.
    if (failureCount === 0) await this.#passOrFailure();
  }

  /** The end of the line for a database that is away: there is no request to answer, only a later pass. */
  async #passOrFailure(): Promise<PassResult> {
    try {
      return await this.pass();
    } catch (error) {
      this.#log.error('the outbox cannot be read', { error });
      return { outcome: 'failed', sentCount: 0, hasMore: true };
    }
  }

  async #pause(pause: { ms: number; isWakeable: boolean }, woken: Promise<void>): Promise<void> {
    if (pause.ms === 0) return;
    const pausing = new AbortController();
    const signal = AbortSignal.any([pausing.signal, this.#stop.signal]);
    const elapsed = delay(pause.ms, undefined, { signal }).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
    await Promise.race(pause.isWakeable ? [elapsed, woken] : [elapsed]);
    pausing.abort();
  }

  async #sendAll(
    batch: readonly OutboxMessage[],
  ): Promise<{ messageIds: Map<string, string>; failures: SendFailure[] }> {
    const messageIds = new Map<string, string>();
    const failures: SendFailure[] = [];
    const chains = chainsByKey(batch);
    const sendChains = async (): Promise<void> => {
      for (let chain = chains.shift(); chain; chain = chains.shift()) {
        // The last pass ends at its first failure: what it cannot send, the next start can.
        if (this.#stop.signal.aborted && failures.length > 0) return;
        const failure = await this.#sendChain(chain, messageIds);
        if (failure) failures.push(failure);
      }
    };
    await Promise.all(Array.from({ length: this.#settings.concurrency }, sendChains));
    return { messageIds, failures };
  }

  async #sendChain(
    chain: readonly OutboxMessage[],
    messageIds: Map<string, string>,
  ): Promise<SendFailure | undefined> {
    for (const message of chain) {
      try {
        const result = await this.#sender.send({
          topic: message.topic,
          tags: message.tag,
          keys: message.messageKey,
          shardingKey: message.messageKey,
          body: Buffer.from(message.body),
          ...delayUntil(message.deliverAt, this.#clock.now()),
        });
        // Stored is not enough: any other status says that a crash now could take the message with it.
        if (result.status !== 'SEND_OK') return { message, reason: result.status };
        messageIds.set(message.id, result.msgId);
        this.#log.info('message sent', {
          orderNo: message.messageKey,
          messageId: result.msgId,
          topic: message.topic,
          tag: message.tag,
        });
      } catch (error) {
        return { message, reason: 'send failed', error };
      }
    }
    return undefined;
  }

  /** One line a pass, not one a message: with the broker away there may be thousands. */
  #report(failures: readonly SendFailure[]): void {
    const [first] = failures;
    if (first === undefined) return;
    this.#log.warn('messages stay in the outbox', {
      keyCount: failures.length,
      orderNo: first.message.messageKey,
      reason: first.reason,
      error: first.error,
    });
  }
}

interface SendFailure {
  message: OutboxMessage;
  reason: string;
  error?: unknown;
}

/** How long to wait after a pass. A wake-up must not cut a back-off short, or every new order would knock on the door. */
export function pauseAfter(
  result: PassResult,
  failureCount: number,
  settings: OutboxSettings,
): { ms: number; isWakeable: boolean } {
  switch (result.outcome) {
    case 'failed': {
      const backoffMs = settings.minBackoffMs * 2 ** Math.min(failureCount - 1, 30);
      return { ms: Math.min(backoffMs, settings.maxBackoffMs), isWakeable: false };
    }
    case 'busy':
      return { ms: BUSY_PAUSE_MS, isWakeable: false };
    default:
      return result.hasMore
        ? { ms: 0, isWakeable: false }
        : { ms: settings.pollMs, isWakeable: true };
  }
}

function chainsByKey(batch: readonly OutboxMessage[]): OutboxMessage[][] {
  const chains = new Map<string, OutboxMessage[]>();
  for (const message of batch) {
    const chain = chains.get(message.messageKey);
    if (chain) chain.push(message);
    else chains.set(message.messageKey, [message]);
  }
  return [...chains.values()];
}

async function markSent(
  manager: EntityManager,
  messageIds: ReadonlyMap<string, string>,
  sentAt: Date,
): Promise<void> {
  if (messageIds.size === 0) return;
  const cases = [...messageIds].map(() => 'WHEN ? THEN ?').join(' ');
  await manager.query(
    `UPDATE outbox_messages SET sent_at = ?, message_id = CASE id ${cases} END WHERE id IN (?)`,
    [sentAt, ...[...messageIds].flat(), [...messageIds.keys()]],
  );
}
