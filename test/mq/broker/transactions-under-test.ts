import path from 'node:path';
import { ConsumerOffsets } from '../../../mq/broker/consumer-offsets.ts';
import { ProducerManager } from '../../../mq/broker/producer-manager.ts';
import type { Decision } from '../../../mq/broker/transaction-table.ts';
import { Transactions } from '../../../mq/broker/transactions.ts';
import type { Logger } from '../../../mq/logger.ts';
import { decodeRecord, type MessageExt } from '../../../mq/protocol/message.ts';
import { SystemTopic } from '../../../mq/protocol/names.ts';
import { checkTransactionState } from '../../../mq/protocol/requests/check-transaction-state.ts';
import { JsonConfigFile } from '../../../mq/store/config-file.ts';
import type { Files } from '../../../mq/store/files.ts';
import type { MessageStore, StoreOptions } from '../../../mq/store/message-store.ts';
import { FakeChannel } from '../../support/fake-channel.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { HOST, message, openStore, readAll, ROOT } from '../store/store-under-test.ts';

export const CHECK_INTERVAL_MS = 30_000;
export const MAX_CHECKS = 3;
export const GROUP = 'pg';
export const OFFSETS_FILE = path.join(ROOT, 'config', 'consumerOffset.json');

/** Where a half message lies. */
export interface Place {
  readonly halfOffset: number;
  readonly commitLogOffset: number;
}

export interface Check extends Place {
  readonly body: string;
}

export interface UnderTestOptions {
  readonly store?: Partial<StoreOptions>;
  readonly startMs?: number;
  readonly logger?: Logger;
  readonly queueFor?: (topic: string, queueId: number) => number | undefined;
  readonly putAgainBehind?: number;
}

/** The transactions of a broker with its store and offsets, on any disk and a clock of their own; no sockets. */
export class TransactionsUnderTest {
  readonly clock: FakeClock;
  readonly producers: ProducerManager;
  readonly store: MessageStore;
  readonly offsets: ConsumerOffsets;
  readonly transactions: Transactions;
  readonly #channels = new Map<string, FakeChannel>();

  private constructor(
    store: MessageStore,
    offsets: ConsumerOffsets,
    clock: FakeClock,
    options: UnderTestOptions,
  ) {
    this.store = store;
    this.offsets = offsets;
    this.clock = clock;
    this.producers = new ProducerManager(clock);
    const quiet = { debug() {}, info() {}, warn() {}, error() {} };
    this.transactions = new Transactions({
      store,
      offsets,
      producers: this.producers,
      queueFor: options.queueFor ?? ((_topic, queueId) => queueId),
      ...(options.putAgainBehind !== undefined && { putAgainBehind: options.putAgainBehind }),
      ensureDiscardTopic: () => Promise.resolve(),
      settings: {
        brokerName: 'broker-a',
        transactionCheckInterval: CHECK_INTERVAL_MS,
        transactionTimeOut: 6_000,
        transactionCheckMax: MAX_CHECKS,
        fileReservedTime: 72,
      },
      storeHost: () => HOST,
      clock,
      logger: options.logger ?? quiet,
    });
  }

  static async open(files: Files, options: UnderTestOptions = {}): Promise<TransactionsUnderTest> {
    const clock = new FakeClock(options.startMs);
    const store = await openStore(files, { clock, ...options.store });
    const offsets = await ConsumerOffsets.open({
      file: new JsonConfigFile(OFFSETS_FILE, files),
      persistIntervalMs: 5_000,
      clock,
      logger: options.logger ?? { debug() {}, info() {}, warn() {}, error() {} },
    });
    const opened = new TransactionsUnderTest(store, offsets, clock, options);
    offsets.start();
    await opened.transactions.start();
    return opened;
  }

  join(clientId: string): FakeChannel {
    const known = this.#channels.get(clientId);
    if (known !== undefined) return known;
    const channel = new FakeChannel(clientId);
    this.#channels.set(clientId, channel);
    this.producers.register(GROUP, channel, { clientId, language: 'JAVA', version: 400 });
    channel.onClose(() => this.producers.channelGone(channel));
    return channel;
  }

  leave(clientId: string): void {
    this.#channels.get(clientId)?.destroy();
    this.#channels.delete(clientId);
  }

  /** The messages that a round of checks asks after. */
  async checkedBodies(): Promise<string[]> {
    await this.round();
    return this.takeChecks().map(({ body }) => body);
  }

  /** The checks that producers were sent since the last call. */
  takeChecks(): Check[] {
    return [...this.#channels.values()].flatMap((channel) =>
      channel.sent.splice(0).map(({ extFields, body }) => {
        const header = checkTransactionState.decodeRequest(extFields);
        return {
          body: decodeRecord(body!).body.toString(),
          halfOffset: header.tranStateTableOffset,
          commitLogOffset: header.commitLogOffset,
        };
      }),
    );
  }

  async half(
    body: string,
    properties: Record<string, string> = {},
    waitStoreOk?: boolean,
  ): Promise<Place> {
    const all = { TRAN_MSG: 'true', PGROUP: GROUP, UNIQ_KEY: `u-${body}`, ...properties };
    const { queueOffset, commitLogOffset } = await this.transactions.prepare(
      message(body, {
        queueId: 1,
        sysFlag: 4,
        properties: all,
        ...(waitStoreOk !== undefined && { waitStoreOk }),
      }),
    );
    return { halfOffset: queueOffset, commitLogOffset };
  }

  end(place: Place, decision: Decision, isFromCheck = false): Promise<void> {
    return this.transactions.end({ producerGroup: GROUP, decision, isFromCheck, ...place });
  }

  /** Lets the time of one round pass, and the round end. */
  async round(): Promise<void> {
    await this.clock.advanceAndSettle(CHECK_INTERVAL_MS);
    await this.transactions.settled();
  }

  async visible(): Promise<string[]> {
    return (await readAll(this.store, 'TopicA', 1)).map(({ body }) => body.toString());
  }

  async halves(): Promise<MessageExt[]> {
    return readAll(this.store, SystemTopic.TRANSACTION_HALF);
  }

  async discarded(): Promise<MessageExt[]> {
    return readAll(this.store, SystemTopic.TRANSACTION_CHECK_MAX_TIME);
  }

  /** In good order. */
  async close(): Promise<void> {
    await this.transactions.close();
    await this.offsets.close();
    await this.store.close();
  }
}
