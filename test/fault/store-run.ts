import assert from 'node:assert/strict';
import path from 'node:path';
import { SeededRandom } from '../../infra/seeded-random.ts';
import { MqError } from '../../mq/errors.ts';
import { decodeRecords, readRecordHeader, type MessageExt } from '../../mq/protocol/message.ts';
import type { FlushDiskType } from '../../mq/store/group-commit.ts';
import type { AppendMessage, AppendResult, MessageStore } from '../../mq/store/message-store.ts';
import { message, openStore, readAll, ROOT } from '../mq/store/store-under-test.ts';
import { DyingFiles, type Death } from '../support/dying-files.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { FaultyFiles } from '../support/faulty-files.ts';
import { StoreModel } from './store-model.ts';

const ABORT = path.join(ROOT, 'abort');
const CHECKPOINT = path.join(ROOT, 'checkpoint');
const PAGE_BYTES = 4096;
const SECTOR_BYTES = 512;
const LIVES = 6;
const QUEUES = ['TopicA:0', 'TopicA:1', 'TopicB:0', 'Deleted:0', 'Deleted:1'];
const DELETED = QUEUES.filter((queue) => queue.startsWith('Deleted'));
const MAX_MESSAGE_BYTES = 6000;
const KEYS = 7;
/** Of each queue, after each start. */
const QUERIES = 12;

/** What a run went through, so that one that tries nothing does not count as well. */
export interface StoreRunCounts {
  /** Promises that were held against what is there, after a restart. */
  checked: number;
  kills: number;
  powerCuts: number;
  /** Of these, how many fell into recovery. */
  diedOpening: number;
  faults: number;
  deletions: number;
}

/**
 * A store under random load on a disk that fails, and that damages its checkpoint and its abort file, killed or cut from power at
 * any of its operations, reopened, and compared:
 *
 *  - what was acknowledged, or visible, is there, once, at its offset; over a power cut what was flushed then;
 *  - offsets have no gap, and nothing is there that was never sent, or that was refused;
 *  - a key leads to the messages that have it;
 *  - what was never answered may be there or not.
 *
 * Errors: the first lines of what is wrong.
 */
export async function runStore(
  seed: number,
  flushDiskType: FlushDiskType,
): Promise<StoreRunCounts> {
  const run = new StoreRun(seed, flushDiskType);
  await run.run();
  return run.counts;
}

class StoreRun {
  readonly counts: StoreRunCounts = {
    checked: 0,
    kills: 0,
    powerCuts: 0,
    diedOpening: 0,
    faults: 0,
    deletions: 0,
  };
  readonly #random: SeededRandom;
  readonly #disk: FaultyFiles;
  readonly #flushDiskType: FlushDiskType;
  readonly #model = new StoreModel();
  #sequence = 0;
  /** Counts lives: an answer that comes after the crash was never received. */
  #life = 0;
  #wallMs = 1_700_000_000_000;
  /** Of this life. */
  #hasFault = false;
  /** It was started on a full disk, where the note that an fsync failed may find no room: that one is not promised. */
  #isStartedFull = false;
  /** It has said that it takes nothing more until it is reopened. */
  #hasFailed = false;
  #isDeleting = false;
  /** In this life or before, or it was to. */
  #hasIndexSyncFailed = false;
  /** Retention was at work, in this life or before. */
  #isCleaned = false;
  /** Seen where nobody waits, and told at the end of the load. */
  readonly #violations: string[] = [];
  #releaseSyncs: (() => void) | undefined;

  constructor(seed: number, flushDiskType: FlushDiskType) {
    this.#random = new SeededRandom(seed);
    this.#disk = new FaultyFiles(seed);
    this.#flushDiskType = flushDiskType;
  }

  async run(): Promise<void> {
    for (let life = 0; life < LIVES; life++) await this.#live(this.#deathDrawn());
    const clock = new FakeClock();
    const store = await this.#open(this.#process(Number.POSITIVE_INFINITY, 'kill'), clock);
    await this.#check(store, clock);
    await store.close();
  }

  /** At which of its disk operations the process dies; early ones fall into recovery. */
  #deathDrawn(): number {
    const kind = this.#random.next();
    if (kind < 0.3) return 1 + this.#random.below(40);
    return kind < 0.7 ? 1 + this.#random.below(900) : Number.POSITIVE_INFINITY;
  }

  async #live(diesAt: number): Promise<void> {
    const random = this.#random;
    const death: Death = random.chance(0.5) ? 'power' : 'kill';
    this.#hasFault = false;
    this.#hasFailed = false;
    this.#isStartedFull = random.chance(0.03);
    // A clock may have been set back while the broker was down.
    this.#wallMs += random.below(1_000_000) - 50_000;
    const clock = new FakeClock(this.#wallMs);
    const dying = this.#process(diesAt, death);
    if (random.chance(0.1)) this.#orderFault();
    if (random.chance(0.06)) await this.#damageCheckpoint();
    if (random.chance(0.06)) this.#damageAbort();
    if (this.#isStartedFull) {
      this.#hasFault = true;
      this.#fillDisk();
    }
    try {
      const store = await this.#open(dying, clock);
      await this.#check(store, clock);
      if (random.chance(0.3)) this.#startRetention(store);
      if (!dying.isDead) await this.#load(store, clock);
      if (!dying.isDead && random.chance(0.2)) await this.#close(store);
    } catch (error) {
      if (!dying.isDead && !(this.#hasFault && isSystemError(error))) throw error;
    }
    this.#wallMs = clock.now();
    if (dying.isDead) return;
    if (death === 'kill') this.#disk.killProcess();
    else this.#disk.cutPower();
    this.#noteDeath(death);
  }

  /** What is older than a life or so goes, and on a disk that is nearly full whatever is oldest. */
  #startRetention(store: MessageStore): void {
    this.#isCleaned = true;
    store.startRetention({
      reservedMs: 400_000,
      deleteHours: Array.from({ length: 24 }, (_, hour) => hour),
      maxUsedPercent: 75,
      cleansForcibly: true,
      cleanForciblyPercent: 85,
      waitingFrom: () => Number.POSITIVE_INFINITY,
      isTopic: () => true,
    });
  }

  #process(at: number, death: Death): DyingFiles {
    return new DyingFiles(this.#disk, {
      at,
      death,
      tear: (bytes) => this.#random.below(bytes.length + 1),
      onDeath: () => this.#noteDeath(death),
    });
  }

  #noteDeath(death: Death): void {
    this.#life++;
    this.#isDeleting = false;
    this.#releaseSyncs = undefined;
    this.#disk.capacityBytes = Number.POSITIVE_INFINITY;
    if (death === 'kill') {
      this.counts.kills++;
      return;
    }
    this.counts.powerCuts++;
    this.#model.losePower();
  }

  async #open(dying: DyingFiles, clock: FakeClock): Promise<MessageStore> {
    const random = this.#random;
    try {
      return await openStore(dying.process(), {
        clock,
        flushDiskType: this.#flushDiskType,
        checkpointBytes: 3000 + random.below(30_000),
        recentBytes: 8192,
        maxMessageBytes: MAX_MESSAGE_BYTES,
        // So that a full disk is met by writes, too, and not before them only.
        diskMaxUsedPercent: random.chance(0.5) ? 100 : 90,
      });
    } catch (error) {
      if (dying.isDead) this.counts.diedOpening++;
      throw error;
    }
  }

  /** A fault that was ordered may strike now; a store that closed well has flushed everything, and has no abort file. */
  async #close(store: MessageStore): Promise<void> {
    const life = this.#life;
    const flushed = this.#model.flushing();
    await store.close();
    const isClosedWell = this.#disk.sizeOf(ABORT) === undefined;
    if (life === this.#life && isClosedWell) flushed();
  }

  async #load(store: MessageStore, clock: FakeClock): Promise<void> {
    const random = this.#random;
    const life = this.#life;
    const turns = 5 + random.below(40);
    for (let turn = 0; turn < turns && life === this.#life; turn++) {
      if (random.chance(0.04)) this.#orderFault();
      if (random.chance(0.03)) this.#fillDisk();
      if (random.chance(0.03)) this.#releaseSyncs ??= this.#disk.holdSyncs();
      for (let count = random.below(6); count > 0; count--) this.#send(store);
      if (random.chance(0.05)) this.#sendTooLarge(store);
      if (random.chance(0.05)) this.#flush(store);
      if (random.chance(0.03)) this.#delete(store);
      if (random.chance(0.2)) await this.#readSome(store);
      if (random.chance(0.02)) clock.jumpWallClock(-random.below(10_000));
      // Retention looks each ten seconds.
      if (random.chance(0.04)) await clock.advanceAndSettle(10_000);
      if (random.chance(0.3)) await clock.advanceAndSettle(random.below(2000));
      else await settle(random.below(4));
      if (random.chance(0.3)) this.#resumeSyncs();
    }
    this.#resumeSyncs();
    await this.#freeDisk(store, clock);
    await settle(10);
    assert.deepEqual(this.#violations, []);
    if (life !== this.#life) return;
    for (const queue of QUEUES) {
      // Of a topic that is being deleted everything may go.
      if (this.#isDeleting && DELETED.includes(queue)) continue;
      for (const found of await this.#visible(store, queue)) {
        if (life === this.#life) this.#acknowledge(queue, found, found.body.toString());
      }
    }
  }

  #resumeSyncs(): void {
    this.#releaseSyncs?.();
    this.#releaseSyncs = undefined;
  }

  #orderFault(): void {
    const random = this.#random;
    const disk = this.#disk;
    this.#hasFault = true;
    this.counts.faults++;
    const code = random.chance(0.5) ? 'ENOSPC' : 'EIO';
    // The note in `abort` says that an fsync failed: that it cannot be written then is not promised to be survived.
    const part = one(random, ['commitlog', 'commitlog', 'consumequeue', 'index', 'checkpoint']);
    const kind = random.next();
    if (kind < 0.4) disk.failNext('write', { path: part, code, afterBytes: random.below(3000) });
    else if (kind < 0.5) disk.shortenNext(part, 1 + random.below(2000));
    else if (kind < 0.8) {
      if (this.#isStartedFull) return;
      if (part === 'index') this.#hasIndexSyncFailed = true;
      disk.failNext('datasync', { path: part, code: 'EIO' });
    } else {
      const operation = one(random, ['open', 'truncate', 'read', 'syncDirectory'] as const);
      disk.failNext(operation, { path: part, code: 'EIO' });
    }
  }

  /** Lost, a sector of zeros, or a flipped bit; what counts in it is in two sectors. */
  async #damageCheckpoint(): Promise<void> {
    const random = this.#random;
    // Made, and not written yet; or it alone knows that the disk may have lost a part of the index.
    if ((this.#disk.sizeOf(CHECKPOINT) ?? 0) < PAGE_BYTES || this.#hasIndexSyncFailed) return;
    this.counts.faults++;
    if (random.chance(0.3)) {
      this.#disk.remove(CHECKPOINT);
      return this.#disk.syncDirectory(ROOT);
    }
    const bytes = this.#disk.bytes(CHECKPOINT);
    const sector = SECTOR_BYTES * one(random, [0, 4]);
    if (random.chance(0.5)) bytes.fill(0, sector, sector + SECTOR_BYTES);
    else bytes[sector + random.below(160)]! ^= 1 << random.below(8);
    this.#disk.put(CHECKPOINT, bytes);
  }

  /** As an original leaves it, or a flipped bit. That an fsync failed it alone may know. */
  #damageAbort(): void {
    if (this.#disk.sizeOf(ABORT) === undefined) return;
    const bytes = this.#disk.bytes(ABORT);
    if (bytes.length === 0 || bytes.includes('rebuildQueues')) return;
    const random = this.#random;
    this.counts.faults++;
    bytes[random.below(Math.min(bytes.length, 32))]! ^= 1 << random.below(8);
    this.#disk.put(ABORT, one(random, [bytes, bytes, Buffer.alloc(0), Buffer.from('4711')]));
  }

  #fillDisk(): void {
    if (Number.isFinite(this.#disk.capacityBytes)) return;
    this.counts.faults++;
    this.#disk.limitFreeSpace(this.#random.below(30_000));
  }

  /** Space returns, and within ten seconds the store takes messages again, by itself. */
  async #freeDisk(store: MessageStore, clock: FakeClock): Promise<void> {
    if (!Number.isFinite(this.#disk.capacityBytes)) return;
    const life = this.#life;
    this.#disk.capacityBytes = Number.POSITIVE_INFINITY;
    await clock.advanceAndSettle(10_000);
    if (this.#hasFault || life !== this.#life) return;
    const queue = 'TopicA:0';
    const next = this.#next(queue);
    const appended = await store.append(next);
    if (life === this.#life) this.#acknowledge(queue, appended, next.body.toString());
  }

  #send(store: MessageStore): void {
    const random = this.#random;
    const queues = this.#isDeleting ? QUEUES.filter((queue) => !DELETED.includes(queue)) : QUEUES;
    const isBatch = random.chance(0.2);
    const isMixed = isBatch && random.chance(0.3);
    const queue = one(random, queues);
    const sent = Array.from({ length: isBatch ? 1 + random.below(4) : 1 }, () => {
      const to = isMixed ? one(random, queues) : queue;
      return { queue: to, message: this.#next(to) };
    });
    const messages = sent.map((each) => each.message);
    // Answered before it is safe, as its sender wants it.
    const isHasty = !isBatch && random.chance(0.05);
    const appending: Promise<AppendResult[]> = isMixed
      ? store.appendAll(messages)
      : isBatch
        ? store.appendBatch(messages)
        : store
            .append(isHasty ? { ...messages[0]!, waitStoreOk: false } : messages[0]!)
            .then((result) => [result]);
    const life = this.#life;
    const hadFailed = this.#hasFailed;
    appending.then(
      (results) => {
        if (life !== this.#life || isHasty) return;
        for (const [index, result] of results.entries()) {
          if (result.status !== 'PUT_OK') continue;
          const { queue, message } = sent[index]!;
          this.#acknowledge(queue, result, message.body.toString());
        }
      },
      (error: unknown) => {
        if (life !== this.#life) return;
        const hasStopped = /until it is reopened/.test(String(error));
        // What was under way when the disk failed may be on it.
        if (hasStopped && !hadFailed) {
          this.#hasFailed = true;
          return;
        }
        for (const { message } of sent) {
          const body = message.body.toString();
          if (hasStopped) this.#model.noteRefused(body);
          else this.#model.noteTakenBack(body);
        }
      },
    );
  }

  #acknowledge(
    queue: string,
    place: Pick<AppendResult, 'queueOffset' | 'commitLogOffset'>,
    body: string,
  ): void {
    if (this.#isDeleting && DELETED.includes(queue)) return;
    this.#model.promise(queue, place, body, this.#flushDiskType === 'SYNC_FLUSH');
  }

  #sendTooLarge(store: MessageStore): void {
    const body = `large-${this.#sequence++}`.padEnd(MAX_MESSAGE_BYTES + 1, '.');
    this.#model.noteSent(body);
    this.#model.noteRefused(body);
    store.append(message(body)).catch(() => undefined);
  }

  #next(queue: string): AppendMessage {
    const [topic, queueId] = queue.split(':');
    const number = this.#sequence++;
    const size = this.#random.chance(0.1) ? 5000 : this.#random.below(600);
    const body = `${number}`.padEnd(size, '.');
    this.#model.noteSent(body);
    const properties = { UNIQ_KEY: `id-${number}`, KEYS: `all k${number % KEYS}` };
    return message(body, {
      topic: topic!,
      queueId: Number(queueId),
      tag: `T${number % 3}`,
      properties,
    });
  }

  #flush(store: MessageStore): void {
    const life = this.#life;
    const flushed = this.#model.flushing();
    store.flush().then(
      () => {
        if (life === this.#life) flushed();
      },
      () => undefined,
    );
  }

  /** The broker takes no messages for a topic while it deletes it. */
  #delete(store: MessageStore): void {
    if (this.#isDeleting) return;
    const life = this.#life;
    this.#isDeleting = true;
    for (const queue of DELETED) this.#model.forget(queue);
    store.deleteTopic('Deleted').then(
      () => {
        if (life !== this.#life) return;
        this.#isDeleting = false;
        this.counts.deletions++;
        for (const queue of DELETED) this.#model.forget(queue);
        const left = DELETED.filter((queue) => store.maxOffset('Deleted', queueIdOf(queue)) > 0);
        this.#violations.push(...left.map((queue) => `${queue} has messages after its deletion`));
      },
      // Half done, perhaps; it is not sent to again in this life.
      () => undefined,
    );
  }

  /** In the middle of the load: what is found is what was asked for. */
  async #readSome(store: MessageStore): Promise<void> {
    const random = this.#random;
    const queue = one(random, QUEUES);
    const [topic] = queue.split(':') as [string];
    const queueId = queueIdOf(queue);
    const queueOffset = random.below(store.maxOffset(topic, queueId) + 3);
    try {
      const found = await store.get({ topic, queueId, queueOffset, maxCount: 8, maxBytes: 20_000 });
      if (found.status !== 'FOUND') return;
      const messages = decodeRecords(Buffer.concat(found.buffers));
      for (const [index, { topic: of, queueOffset: at, body }] of messages.entries()) {
        assert.deepEqual([of, at], [topic, queueOffset + index], 'read at the wrong place');
        assert.ok(!this.#model.wasRefused(body.toString()), `${queue}:${at} was refused`);
      }
      const key = `k${random.below(KEYS)}`;
      const hits = await bodiesOf(store, topic, key);
      assert.deepEqual(
        hits.filter((body) => !hasKey(body, key)),
        [],
        `wrong hits for ${key}`,
      );
    } catch (error) {
      // The disk was to fail, or the process is gone.
      if (!isSystemError(error)) throw error;
    }
  }

  async #visible(store: MessageStore, queue: string): Promise<MessageExt[]> {
    return readAll(store, queue.split(':')[0], queueIdOf(queue));
  }

  async #check(store: MessageStore, clock: FakeClock): Promise<void> {
    const life = this.#life;
    const wrong: string[] = [];
    const all: { queue: string; messages: MessageExt[] }[] = [];
    for (const queue of QUEUES) {
      const messages = await this.#visible(store, queue);
      if (life !== this.#life) return;
      all.push({ queue, messages });
      const [topic] = queue.split(':') as [string];
      const minOffset = store.minOffset(topic, queueIdOf(queue));
      if (this.#isCleaned) this.#model.forgetBefore(store.minCommitLogOffset);
      wrong.push(...this.#model.wrongIn(queue, minOffset, messages));
      this.counts.checked += this.#model.promised(queue);
      // After recovery what is visible is flushed.
      for (const found of messages) {
        this.#model.promise(queue, found, found.body.toString(), true);
      }
    }
    assert.deepEqual(wrong.slice(0, 10), [], `${wrong.length} things are wrong after a start`);
    await this.#checkIndex(store, clock, all);
  }

  async #checkIndex(
    store: MessageStore,
    clock: FakeClock,
    all: readonly { queue: string; messages: MessageExt[] }[],
  ): Promise<void> {
    const life = this.#life;
    await this.#freeDisk(store, clock);
    await this.#untilIndexed(store, clock);
    for (const { queue, messages } of all) {
      const [topic] = queue.split(':') as [string];
      for (let query = 0; query < QUERIES && messages.length > 0; query++) {
        const { body } = one(this.#random, messages);
        const key = `id-${numberOf(body.toString())}`;
        const found = await bodiesOf(store, topic, key);
        if (life !== this.#life) return;
        assert.deepEqual(found.map(numberOf), [numberOf(body.toString())], `found by ${key}`);
      }
    }
    for (const topic of ['TopicA', 'TopicB']) {
      const key = `k${this.#random.below(KEYS)}`;
      const there = all
        .filter(({ queue }) => queue.startsWith(topic))
        .flatMap(({ messages }) => messages.map(({ body }) => body.toString()))
        .filter((body) => hasKey(body, key));
      const found = await bodiesOf(store, topic, key);
      if (life !== this.#life) return;
      assert.deepEqual(
        found.map(numberOf).toSorted((a, b) => a - b),
        there.map(numberOf).toSorted((a, b) => a - b),
        `found in ${topic} by ${key}`,
      );
    }
  }

  /** The index catches up in the background, and tries again after a failure. */
  async #untilIndexed(store: MessageStore, clock: FakeClock): Promise<void> {
    const life = this.#life;
    for (let round = 0; round < 20 && life === this.#life; round++) {
      await clock.advanceAndSettle(1000);
      const { missingBytes } = await query(store, 'TopicA', 'none');
      if (missingBytes === 0) return;
    }
    if (life === this.#life) assert.fail('the index does not catch up');
  }
}

function queueIdOf(queue: string): number {
  return Number(queue.split(':')[1]);
}

function query(store: MessageStore, topic: string, key: string) {
  const range = { beginMs: 0, endMs: Number.MAX_SAFE_INTEGER };
  return store.queryMessages({ topic, key, kind: 'key', maxCount: 100_000, ...range });
}

async function bodiesOf(store: MessageStore, topic: string, key: string): Promise<string[]> {
  const { records } = await query(store, topic, key);
  return records.map((record) => {
    const { bodyAt, bodyBytes } = readRecordHeader(record);
    return record.toString('utf8', bodyAt, bodyAt + bodyBytes);
  });
}

function numberOf(body: string): number {
  return Number.parseInt(body, 10);
}

function hasKey(body: string, key: string): boolean {
  return `k${numberOf(body) % KEYS}` === key;
}

function one<T>(random: SeededRandom, choices: readonly T[]): T {
  return choices[random.below(choices.length)]!;
}

/** What the simulated disk throws, as such or as the cause of a refusal. */
function isSystemError(error: unknown): boolean {
  if (MqError.is(error)) return isSystemError(error.cause);
  return error instanceof Error && 'code' in error && /^E[A-Z]+$/.test(String(error.code));
}
