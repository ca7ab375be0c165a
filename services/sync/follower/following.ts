import { comparePositions, type BinlogPosition } from '../../contracts/order-binlog.ts';
import type { Log } from '../../common/log.ts';
import { selectByHash, type MessageQueue } from '../../common/mq.module.ts';
import type { BinlogClient } from './binlog-client.ts';
import type { BinlogEvent, RowsEvent } from './binlog-events.ts';
import { nameOf } from './binlog-queues.ts';
import { BinlogReader } from './binlog-reader.ts';
import type { Checkpoint, Checkpoints } from './checkpoints.ts';
import type { FollowerSettings } from './follower-settings.ts';
import { OrderLinks, type SavedLinks } from './order-links.ts';
import { outgoingChange, type OutgoingChange } from './outgoing-change.ts';
import { backoffMs, type Pause } from './pause.ts';
import { Progress, type ReadTransaction } from './progress.ts';
import { Publisher, wentBack } from './publisher.ts';
import type { QueueEnd, QueuePort } from './queue-port.ts';
import { rowChanges } from './row-changes.ts';
import { behind, type Source } from './source-connection.ts';
import { SourceLinks } from './source-links.ts';
import { StreamFault } from './stream-fault.ts';

/** How often it is asked whether the process that follows is gone. */
const LOCK_POLL_MS = 500;
/** So far the checkpoint may be behind while nothing is published: a restart reads it again. In bytes. */
const UNSAVED_BYTES = 1024 * 1024;
/** Of a transaction's changes that wait for its end. Those of a larger one go on before it. */
const MAX_HELD_BYTES = 8 * 1024 * 1024;
/** Between two statements on the connection that holds the lock: so long two processes may follow when it is lost. */
const PING_MS = 1_000;

export interface FollowingParts {
  readonly stream: string;
  readonly settings: FollowerSettings;
  readonly lockName: string;
  readonly openSource: () => Promise<Source>;
  readonly newClient: () => BinlogClient;
  readonly port: QueuePort;
  readonly checkpoints: Pick<Checkpoints, 'find' | 'save'>;
  readonly savedLinks: Pick<SavedLinks, 'find' | 'save'>;
  readonly steadyNow: () => number;
  readonly pause: Pause;
  readonly log: Log;
}

/** Told of what happens on the way. */
export interface FollowingListener {
  /** Another process follows. */
  standby(): void;
  /** It is known where to begin. */
  began(position: BinlogPosition): void;
  read(event: BinlogEvent): void;
  published(changes: readonly OutgoingChange[]): void;
}

/**
 * Follows the source from the last checkpoint on until something ends it: the source or the broker away, a fault, or the
 * signal. Every start is alike, whether the process was killed or a connection was cut: read the checkpoint, look what each
 * queue has, read the binlog from there, send what is missing.
 */
export class Following {
  readonly #parts: FollowingParts;
  readonly #listener: FollowingListener;
  readonly #stop: AbortController;
  #links = new OrderLinks(new Map(), []);
  #progress: Progress | undefined;
  #publisher: Publisher | undefined;
  #saved: BinlogPosition | undefined;
  #saving: Promise<void> = Promise.resolve();
  #hasUnsaved = false;
  #transaction: ReadTransaction | undefined;
  /** Its changes. A source that dies while it writes them down leaves some without an end, and rolls them back. */
  #held: OutgoingChange[] = [];
  #heldBytes = 0;

  constructor(parts: FollowingParts, listener: FollowingListener, signal: AbortSignal) {
    this.#parts = parts;
    this.#listener = listener;
    this.#stop = new AbortController();
    signal.addEventListener('abort', () => this.#stop.abort(), { once: true });
    if (signal.aborted) this.#stop.abort();
  }

  get progress(): Progress | undefined {
    return this.#progress;
  }

  get publisher(): Publisher | undefined {
    return this.#publisher;
  }

  /**
   * Returns when the signal is aborted. `atEnd`: begin at the end of the source's binlog instead of the checkpoint.
   *
   * Errors: SourceAway, StreamFault; those of the broker and of the service's own database.
   */
  async run({ atEnd }: { atEnd: boolean }): Promise<void> {
    await using source = await this.#parts.openSource();
    if (!(await this.#locked(source))) return;
    await source.checkSettings();
    const { position, ends } = await this.#start(source, atEnd);
    this.#listener.began(position);
    await this.#follow(source, position, ends);
  }

  async #locked(source: Source): Promise<boolean> {
    const { signal } = this.#stop;
    for (let isFirst = true; !signal.aborted; isFirst = false) {
      if (await source.tryLock(this.#parts.lockName)) return true;
      if (isFirst) this.#listener.standby();
      await this.#parts.pause(LOCK_POLL_MS, signal);
    }
    return false;
  }

  async #start(
    source: Source,
    atEnd: boolean,
  ): Promise<{ position: BinlogPosition; ends: QueueEnd[] }> {
    const { checkpoints, stream, port } = this.#parts;
    const found = atEnd ? undefined : await checkpoints.find(stream);
    if (found !== undefined) {
      await source.checkHas(found.position);
      mustBeSameBrokers(await port.queues(), found);
      const ends = await this.#ends(
        source,
        found.queues.map(({ queue }) => queue),
      );
      mustHold(ends, found);
      return { position: found.position, ends };
    }
    const position = await source.end();
    const ends = await this.#ends(source, await port.queues());
    const queues = ends.map(({ queue, offset }) => ({ queue, endOffset: offset }));
    await checkpoints.save(stream, { position, queues });
    return { position, ends };
  }

  async #ends(source: Source, queues: readonly MessageQueue[]): Promise<QueueEnd[]> {
    const ends = await Promise.all(queues.map((queue) => this.#parts.port.end(queue)));
    const sourceEnd = await source.end();
    for (const { queue, position } of ends) {
      if (position !== undefined && comparePositions(position, sourceEnd) >= 0) {
        throw behind(sourceEnd, position, `queue ${nameOf(queue)} holds`);
      }
    }
    return ends;
  }

  async #follow(source: Source, position: BinlogPosition, ends: QueueEnd[]): Promise<void> {
    const { settings, newClient, steadyNow, port, pause } = this.#parts;
    const queues = ends.map(({ queue }) => queue);
    this.#saved = position;
    this.#links = new OrderLinks(settings.tables, [
      this.#parts.savedLinks,
      new SourceLinks(source, settings.source.schema, settings.tables),
    ]);
    this.#progress = new Progress(position);
    this.#publisher = new Publisher({
      port,
      ends,
      queueOf: (orderNo) => selectByHash(orderNo)(queues),
      progress: this.#progress,
      maxWaitingCount: settings.maxWaitingCount,
      batchCount: settings.batchCount,
      pause: (failureCount, signal) => pause(backoffMs(failureCount, settings), signal),
      onPublished: (changes) => {
        this.#hasUnsaved = true;
        this.#listener.published(changes);
      },
    });
    const reader = new BinlogReader(
      {
        client: newClient(),
        schema: settings.source.schema,
        tables: new Set(settings.tables.keys()),
        heartbeatMs: settings.heartbeatMs,
        steadyNow,
      },
      position,
    );
    let hasLost = false;
    try {
      await this.#all([this.#readAll(reader), this.#publisher.failed(), this.#saveAll(source)]);
    } catch (error) {
      hasLost = error instanceof StreamFault && error.code === 'SYNC.QUEUE_DIFFERS';
      throw error;
    } finally {
      await reader.close();
      await this.#publisher.close();
      await (hasLost ? this.#saveLoss() : this.#saveAtTheEnd());
    }
  }

  /** Until the first of them fails, or all end because of the signal. */
  async #all(works: Promise<void>[]): Promise<void> {
    const { signal } = this.#stop;
    const aborted = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    try {
      await Promise.race([aborted, ...works]);
    } finally {
      this.#stop.abort();
      for (const work of works) work.catch(() => undefined);
    }
  }

  async #readAll(reader: BinlogReader): Promise<void> {
    try {
      while (!this.#stop.signal.aborted) {
        const event = await reader.next();
        await this.#take(event);
        this.#listener.read(event);
      }
    } catch (error) {
      // What came before it is as good as anything: it is published, and need not be read again.
      if (error instanceof StreamFault) await this.#publisher!.drained();
      throw error;
    }
  }

  async #take(event: BinlogEvent): Promise<void> {
    const progress = this.#progress!;
    switch (event.type) {
      case 'begin':
        this.#transaction = progress.begin(event.position, event.committedAtMs);
        return;
      case 'end':
        await this.#release();
        if (this.#transaction !== undefined) progress.end(this.#transaction, event.position);
        this.#transaction = undefined;
        return;
      case 'skip':
        this.#held = [];
        this.#heldBytes = 0;
        if (this.#transaction !== undefined) progress.end(this.#transaction, event.position);
        this.#transaction = undefined;
        progress.skipTo(event.position);
        return;
      case 'rows':
        return this.#publish(event);
      default:
    }
  }

  async #publish(event: RowsEvent): Promise<void> {
    const table = this.#parts.settings.tables.get(event.table);
    if (table === undefined) return;
    const transaction = this.#transaction;
    if (transaction === undefined) {
      const { position } = event;
      throw new StreamFault('SYNC.MALFORMED_EVENT', 'rows outside of a transaction', { position });
    }
    this.#links.learn(event);
    for (const change of await rowChanges(event, table, this.#links)) {
      const outgoing = outgoingChange(change, transaction);
      this.#held.push(outgoing);
      this.#heldBytes += outgoing.bytes;
    }
    if (this.#heldBytes >= MAX_HELD_BYTES) await this.#release();
  }

  async #release(): Promise<void> {
    const publisher = this.#publisher!;
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    for (const change of held) publisher.push(change);
    await publisher.ready();
  }

  async #saveAll(source: Source): Promise<void> {
    const { pause, settings, steadyNow } = this.#parts;
    let pingedAtMs = steadyNow();
    while (!this.#stop.signal.aborted) {
      await pause(settings.checkpointMs, this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      if (this.#isWorthSaving()) await this.#save();
      if (steadyNow() - pingedAtMs < PING_MS) continue;
      await source.ping();
      pingedAtMs = steadyNow();
    }
  }

  /** Whatever ended it all is what must be told, and the next start can do without. */
  async #saveAtTheEnd(): Promise<void> {
    try {
      await this.#save();
    } catch (error) {
      this.#parts.log.warn('the position could not be saved', { error });
    }
  }

  /**
   * The checkpoint of before the loss tells the next start whether what is lost can be read again. Where something was sent
   * over the gap it cannot, since the queue's last change does not tell any more; that is written down.
   */
  async #saveLoss(): Promise<void> {
    await this.#saving;
    const { queues, hasSentOverGap } = this.#publisher!;
    if (!hasSentOverGap) return;
    const { checkpoints, stream, log } = this.#parts;
    try {
      await checkpoints.save(stream, { position: this.#saved!, queues });
    } catch (error) {
      log.error('the loss could not be noted', { error });
    }
  }

  /** Where the binlog holds this service's own database, too, each save would else be the reason for the next. */
  #isWorthSaving(): boolean {
    const position = this.#progress!.position;
    const saved = this.#saved!;
    if (comparePositions(position, saved) === 0) return false;
    return (
      this.#hasUnsaved ||
      position.file !== saved.file ||
      position.offset - saved.offset >= UNSAVED_BYTES
    );
  }

  /** One after the other: of two at once the older position could be the last one written. */
  async #save(): Promise<void> {
    const saving = this.#saving.then(() => this.#saveNow());
    this.#saving = saving.catch(() => undefined);
    await saving;
  }

  async #saveNow(): Promise<void> {
    const position = this.#progress!.position;
    if (comparePositions(position, this.#saved!) === 0) return;
    const { queues } = this.#publisher!;
    this.#hasUnsaved = false;
    // Before the position: what is behind it is not read again.
    await this.#links.saveTo(this.#parts.savedLinks);
    await this.#parts.checkpoints.save(this.#parts.stream, { position, queues });
    this.#saved = position;
  }
}

/**
 * A broker that is away leaves the route, too, but then either the others are in it, or there is none. Queues on none but other
 * brokers are those of another cluster, which has nothing of what was published.
 */
function mustBeSameBrokers(present: readonly MessageQueue[], { queues }: Checkpoint): void {
  const known = new Set(queues.map(({ queue }) => queue.brokerName));
  if (present.some(({ brokerName }) => known.has(brokerName))) return;
  const names = new Set(present.map(({ brokerName }) => brokerName));
  throw new StreamFault(
    'SYNC.QUEUE_DIFFERS',
    `the topic's queues are on ${[...names].join(', ')}, the checkpoint's were on ${[...known].join(', ')}: another cluster`,
  );
}

/**
 * Until a new snapshot, a queue that has lost what was acknowledged by the checkpoint stays so, and nothing is sent any more.
 * What was lost of later is read and sent again.
 */
function mustHold(ends: readonly QueueEnd[], { queues }: Checkpoint): void {
  for (const [index, published] of queues.entries()) {
    const { offset } = ends[index]!;
    if (offset >= published.endOffset) continue;
    const { code, message } = wentBack(published, offset);
    throw new StreamFault(code, message);
  }
}
