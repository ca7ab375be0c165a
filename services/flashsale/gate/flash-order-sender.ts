import { isBrokerAway } from '../../common/broker-errors.ts';
import type { Log } from '../../common/log.ts';
import { MqError, SendStage, type Producer } from '../../common/mq.module.ts';
import {
  FLASH_ORDERS,
  FLASH_ORDERS_TAG,
  type FlashOrderRequested,
} from '../../contracts/flash-orders.ts';

/** The part of a Producer it uses. */
export type BatchProducer = Pick<Producer, 'sendBatch'>;
type SendOptions = NonNullable<Parameters<BatchProducer['sendBatch']>[1]>;
type Select = NonNullable<SendOptions['select']>;

const MAX_TRIES = 3;

/** How far a send came that certainly left nothing with the broker. */
const harmlessStages: ReadonlySet<unknown> = new Set([
  SendStage.IN_FLIGHT_LIMIT,
  SendStage.ROUTE,
  SendStage.CONNECTING,
  SendStage.BROKER_QUEUE,
]);
/** Failures, and refusals of a broker, that say the same. */
const harmlessCodes: ReadonlySet<string> = new Set([
  'CONNECT_FAILED',
  'NO_ROUTE',
  'CLIENT_CLOSED',
  'SYSTEM_BUSY',
  'FLOW_CONTROL',
  'SERVICE_NOT_AVAILABLE',
  'NO_PERMISSION',
  'TOPIC_NOT_EXIST',
]);

/**
 * Sends a batch of flash orders to one queue, the queues taking turns, and knows whether the broker may have it.
 *
 * Up to three tries within the time limit, on another broker where there is one. Each names its queue, and so is one attempt of
 * the client: had it retried by itself, nobody could tell what became of the first attempt.
 */
export class FlashOrderSender {
  readonly #producer: BatchProducer;
  readonly #timeoutMs: number;
  readonly #log: Log;
  #turn = 0;

  constructor(parts: { producer: BatchProducer; timeoutMs: number; log: Log }) {
    this.#producer = parts.producer;
    this.#timeoutMs = parts.timeoutMs;
    this.#log = parts.log;
  }

  /** SENT: stored as safely as the broker stores. NOT_SENT: certainly not stored. Never rejects. */
  async send(orders: readonly FlashOrderRequested[]): Promise<'SENT' | 'NOT_SENT' | 'UNKNOWN'> {
    const messages = orders.map((order) => ({
      topic: FLASH_ORDERS,
      tags: FLASH_ORDERS_TAG,
      keys: order.ticketNo,
      body: JSON.stringify(order),
    }));
    const deadlineMs = performance.now() + this.#timeoutMs;
    const failedOn = new Set<string>();
    let mayBeThere = false;
    for (let tryCount = 1; tryCount <= MAX_TRIES; tryCount += 1) {
      const leftMs = Math.floor(deadlineMs - performance.now());
      if (leftMs < 1) break;
      let brokerName = '';
      const select: Select = (queues) => {
        const others = queues.filter((queue) => !failedOn.has(queue.brokerName));
        const candidates = others.length > 0 ? others : queues;
        const queue = candidates[this.#turn++ % candidates.length]!;
        ({ brokerName } = queue);
        return queue;
      };
      try {
        // A broker that hangs must not use up what another one, or another try, needs.
        const timeoutMs = tryCount === MAX_TRIES ? leftMs : Math.max(1, Math.floor(leftMs / 2));
        const { status } = await this.#producer.sendBatch(messages, { select, timeoutMs });
        if (status === 'SEND_OK') return 'SENT';
        // Stored is not enough: any other status says that a crash now could take the messages with it.
        this.#log.warn('the broker cannot promise flash orders', { status, brokerName });
        return 'UNKNOWN';
      } catch (error) {
        mayBeThere ||= !isHarmless(error);
        failedOn.add(brokerName);
        const ticketCount = orders.length;
        this.#log.warn('flash orders were not sent', { ticketCount, tryCount, brokerName, error });
        if (!isBrokerAway(error)) break;
      }
    }
    return mayBeThere ? 'UNKNOWN' : 'NOT_SENT';
  }
}

function isHarmless(error: unknown): boolean {
  if (!MqError.is(error)) return false;
  // What no broker would take never left.
  if (!isBrokerAway(error)) return true;
  return harmlessCodes.has(error.code) || harmlessStages.has(error.details['stage']);
}
