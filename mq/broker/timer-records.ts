import type { HostAddress } from '../protocol/host-address.ts';
import { decodeRecord, type MessageExt } from '../protocol/message.ts';
import { SystemTopic } from '../protocol/names.ts';
import { PropertyKey } from '../protocol/properties.ts';
import { decodeEntry, isRealEntry, type QueueEntry } from '../store/consume-queue.ts';
import type { AppendMessage, MessageStore } from '../store/message-store.ts';
import { copyOf } from './stored-records.ts';

const QUEUE_ID = 0;

/** The messages of rmq_sys_wheel_timer, by queueOffset. */
export class TimerRecords {
  readonly #store: MessageStore;
  readonly #storeHost: () => HostAddress;

  /** `storeHost` is written into copies. */
  constructor(store: MessageStore, storeHost: () => HostAddress) {
    this.#store = store;
    this.#storeHost = storeHost;
  }

  entry(queueOffset: number): QueueEntry | undefined {
    const bytes = this.#store.entries(SystemTopic.TIMER, QUEUE_ID, queueOffset, 1);
    if (bytes.length === 0) return undefined;
    const entry = decodeEntry(bytes, 0);
    return isRealEntry(entry) ? entry : undefined;
  }

  /** Undefined when it is gone. Errors: MESSAGE_CORRUPT. */
  async read(queueOffset: number): Promise<MessageExt | undefined> {
    const entry = this.entry(queueOffset);
    if (entry === undefined) return undefined;
    const record = await this.#store.readRecord(entry.commitLogOffset, entry.sizeBytes);
    return record === undefined ? undefined : decodeRecord(record);
  }

  /** The same message to be parked anew, for the same time. Source: RocketMQ 5.3 TimerMessageStore.convert. */
  rolled(parked: MessageExt): AppendMessage {
    const properties = new Map(parked.properties);
    const rolls = Number(properties.get(PropertyKey.TIMER_ROLL_TIMES) ?? 0);
    properties.set(PropertyKey.TIMER_ROLL_TIMES, String((Number.isInteger(rolls) ? rolls : 0) + 1));
    return { ...copyOf(parked, properties), storeHost: this.#storeHost() };
  }

  /**
   * The message as it goes to its consumers; undefined when it does not say where it belongs.
   *
   * Source: RocketMQ 5.3 TimerMessageStore.convert, convertMessage.
   */
  restore(parked: MessageExt, wallMs: number): AppendMessage | undefined {
    const properties = new Map(parked.properties);
    const topic = properties.get(PropertyKey.REAL_TOPIC);
    const queueId = Number(properties.get(PropertyKey.REAL_QID) ?? Number.NaN);
    if (topic === undefined || !Number.isInteger(queueId)) return undefined;
    properties.delete(PropertyKey.REAL_TOPIC);
    properties.delete(PropertyKey.REAL_QID);
    properties.set(PropertyKey.TIMER_DEQUEUE_MS, String(wallMs));
    return { ...copyOf(parked, properties), topic, queueId, storeHost: this.#storeHost() };
  }
}
