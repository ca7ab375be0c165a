import type { OnApplicationShutdown, OnModuleInit } from '@nestjs/common';
import type { Log } from '../../common/log.ts';
import { MqError, type Admin } from '../../common/mq.module.ts';
import type { ShopServices } from '../application/shop-services.ts';
import type { OrderEvent } from '../live/live-events.ts';
import type { LiveHub } from '../live/live-hub.ts';
import type { Timers } from '../live/timers.ts';
import { readOrderFacts, updated, type OrderFacts } from './order-facts.ts';
import { readOrderMessages, topicsOf, type OrderMessage } from './order-messages.ts';
import { timelineOf } from './timeline.ts';

/** Orders that are looked at at the same time, and so how fast many are. */
const LOOKERS = 4;
/** How soon an order is looked at again, by how long ago it changed. */
const paces = [
  { untilMs: 15_000, everyMs: 1_000 },
  { untilMs: 120_000, everyMs: 3_000 },
  { untilMs: Infinity, everyMs: 15_000 },
];
/** Messages of which no service says anything are found as late as this. */
const MESSAGES_EVERY_MS = 30_000;
/** After a change they are looked for once more: what follows of it is sent a moment later. */
const MESSAGES_SETTLE_MS = 2_000;
/** Questions for messages that the broker is asked, of all orders together: 20 a second. */
const QUESTION_GAP_MS = 50;

const BROKER_AWAY = 'The messages of orders cannot be looked up just now.';

/** Its times are by the clock that never goes back. */
interface WatchedOrder {
  facts: OrderFacts | undefined;
  messages: Map<string, OrderMessage>;
  event: OrderEvent | undefined;
  changedAtMs: number;
  messagesAtMs: number;
  dueAtMs: number;
}

/**
 * Follows the orders that pages watch: what the services say of each, and its messages, which the broker is asked for only when
 * the services say that something has happened.
 */
export class OrderWatch implements OnModuleInit, OnApplicationShutdown {
  readonly #services: Pick<ShopServices, 'ask'>;
  readonly #admin: Pick<Admin, 'queryMessages'>;
  readonly #hub: LiveHub;
  readonly #timers: Timers;
  readonly #log: Log;
  readonly #orders = new Map<string, WatchedOrder>();
  readonly #beingLookedAt = new Set<string>();
  #timer: unknown;
  #nextQuestionAtMs = 0;
  #isStopped = false;

  constructor(parts: {
    services: Pick<ShopServices, 'ask'>;
    admin: Pick<Admin, 'queryMessages'>;
    hub: LiveHub;
    timers: Timers;
    log: Log;
  }) {
    this.#services = parts.services;
    this.#admin = parts.admin;
    this.#hub = parts.hub;
    this.#timers = parts.timers;
    this.#log = parts.log;
  }

  onModuleInit(): void {
    this.#hub.onChange(() => this.#follow());
    this.#hub.onWatch((orderNo) => this.#orders.get(orderNo)?.event);
  }

  onApplicationShutdown(): void {
    this.#isStopped = true;
    this.#timers.clearTimeout(this.#timer);
  }

  #follow(): void {
    const watched = this.#hub.watchedOrders();
    for (const orderNo of this.#orders.keys()) {
      if (!watched.has(orderNo)) this.#orders.delete(orderNo);
    }
    const nowMs = this.#timers.monotonicMs();
    for (const orderNo of watched) {
      if (this.#orders.has(orderNo)) continue;
      this.#orders.set(orderNo, {
        facts: undefined,
        messages: new Map(),
        event: undefined,
        changedAtMs: nowMs,
        messagesAtMs: 0,
        dueAtMs: nowMs,
      });
    }
    this.#lookOn();
  }

  /** Begins with those that are due for longest, as many as may be looked at at once, and waits for the next. */
  #lookOn(): void {
    if (this.#isStopped) return;
    this.#timers.clearTimeout(this.#timer);
    const waiting = [...this.#orders]
      .filter(([orderNo]) => !this.#beingLookedAt.has(orderNo))
      .toSorted(([, a], [, b]) => a.dueAtMs - b.dueAtMs);
    const nowMs = this.#timers.monotonicMs();
    for (const [orderNo, order] of waiting) {
      if (this.#beingLookedAt.size >= LOOKERS) return;
      if (order.dueAtMs > nowMs) {
        this.#timer = this.#timers.setTimeout(() => this.#lookOn(), order.dueAtMs - nowMs);
        return;
      }
      this.#beingLookedAt.add(orderNo);
      void this.#look(orderNo, order).then(() => {
        this.#beingLookedAt.delete(orderNo);
        this.#lookOn();
      });
    }
  }

  async #look(orderNo: string, order: WatchedOrder): Promise<void> {
    try {
      await this.#readFacts(orderNo, order);
      await this.#readMessages(orderNo, order);
      this.#tell(orderNo, order);
    } catch (error) {
      this.#log.error('an order cannot be shown', { orderNo, error });
    }
    const nowMs = this.#timers.monotonicMs();
    const ageMs = nowMs - order.changedAtMs;
    order.dueAtMs = nowMs + paces.find(({ untilMs }) => ageMs < untilMs)!.everyMs;
  }

  async #readFacts(orderNo: string, order: WatchedOrder): Promise<void> {
    const facts = updated(order.facts, await readOrderFacts(this.#services, orderNo));
    if (JSON.stringify(facts) === JSON.stringify(order.facts)) return;
    order.facts = facts;
    order.changedAtMs = this.#timers.monotonicMs();
  }

  async #readMessages(orderNo: string, order: WatchedOrder): Promise<void> {
    const nowMs = this.#timers.monotonicMs();
    const isSettled = order.messagesAtMs > order.changedAtMs + MESSAGES_SETTLE_MS;
    if (isSettled && nowMs - order.messagesAtMs < MESSAGES_EVERY_MS) return;
    try {
      for (const topic of topicsOf(order.facts!, this.#timers.now())) {
        await this.#turn();
        for (const message of await readOrderMessages(this.#admin, topic, orderNo)) {
          order.messages.set(`${topic} ${message.messageId}`, message);
        }
      }
      order.messagesAtMs = nowMs;
      this.#hub.tellProblem('order', '');
    } catch (error) {
      if (!MqError.is(error)) throw error;
      this.#hub.tellProblem('order', BROKER_AWAY);
    }
  }

  /** However many orders are watched, the broker has its other work to do. */
  async #turn(): Promise<void> {
    const nowMs = this.#timers.monotonicMs();
    const turnAtMs = Math.max(nowMs, this.#nextQuestionAtMs);
    this.#nextQuestionAtMs = turnAtMs + QUESTION_GAP_MS;
    if (turnAtMs === nowMs) return;
    await new Promise<void>((resolve) => this.#timers.setTimeout(resolve, turnAtMs - nowMs));
  }

  #tell(orderNo: string, order: WatchedOrder): void {
    const event = timelineOf(orderNo, order.facts!, [...order.messages.values()]);
    if (JSON.stringify(event) === JSON.stringify(order.event)) return;
    order.event = event;
    this.#hub.tellOrder(event);
  }
}
