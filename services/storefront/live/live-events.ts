/**
 * What the page is told by server-sent events: the name of each event, and what its data is as JSON.
 *
 * Units: counts and rates are numbers of messages, orders or customers, rates a second; times in ms or as ISO 8601, as named.
 */

/** The first event of a stream: by this number the page says what it watches. */
export interface HelloEvent {
  readonly streamId: string;
}

/** What happened to an order, in the order in which it happened. */
export interface TimelineEntry {
  /** ISO 8601 in UTC. */
  readonly at: string;
  /** Whose doing it was: a service's name. */
  readonly service: string;
  /** For people. */
  readonly what: string;
  /** The message that told of it, where it is known. */
  readonly topic?: string;
  readonly tag?: string;
  readonly messageId?: string;
  /** Something a customer or an operator would not like to see. */
  readonly isProblem?: true;
}

/** The whole timeline of one order; sent when it changes. */
export interface OrderEvent {
  readonly orderNo: string;
  /** That of the order service; UNKNOWN while it cannot be asked. */
  readonly status: string;
  readonly entries: readonly TimelineEntry[];
}

export type UpOrDown = 'up' | 'down';

/** Every second. */
export interface FiguresEvent {
  /** ms since epoch. */
  readonly at: number;
  /** Orders placed, those of flash sales too. */
  readonly ordersPerS: number;
  /** Messages that consumers have done with. */
  readonly eventsPerS: number;
  /** Messages that wait for a consumer; null while the broker cannot be asked. */
  readonly backlog: number | null;
  /** Of the checkouts of the last seconds; null when there was none. */
  readonly checkoutP50Ms: number | null;
  readonly checkoutP99Ms: number | null;
  readonly services: Readonly<Record<string, UpOrDown>>;
  readonly broker: UpOrDown;
}

export interface ThirdPartySwitch {
  readonly latencyMs: number;
  /** 0 to 1. */
  readonly errorRate: number;
}

export type SwitchState = 'running' | 'stopped';

/** At the beginning, and when one was turned; null: it cannot be turned here, and `reasons` says why. */
export interface SwitchesEvent {
  readonly thirdParty: ThirdPartySwitch | null;
  readonly couponDatabase: SwitchState | null;
  readonly broker: SwitchState | null;
  readonly reasons: {
    readonly thirdParty?: string;
    readonly couponDatabase?: string;
    readonly broker?: string;
  };
}

export interface TopicFigures {
  readonly topic: string;
  readonly putPerS: number;
  /** Ever put. */
  readonly messages: number;
  readonly queues: number;
}

export interface QueueLag {
  readonly brokerName: string;
  readonly queueId: number;
  /** Of the next message that comes. */
  readonly brokerOffset: number;
  /** Of the next message that the group takes. */
  readonly consumerOffset: number;
  readonly lag: number;
}

export interface GroupFigures {
  readonly group: string;
  readonly topic: string;
  readonly lag: number;
  /** Messages that failed and wait to be tried again. */
  readonly retries: number;
  readonly consumePerS: number;
  /** Consumers that are connected. */
  readonly members: number;
  readonly queues: readonly QueueLag[];
}

export interface DeadLetterFigures {
  /** The group that gave them up. */
  readonly group: string;
  /** Those that were not given back to it by hand. */
  readonly waiting: number;
  /** Those of them that its dead-letter consumer has not done with: it tries them again by itself. */
  readonly beingRetried: number;
}

/** A mistake in how the broker is used, however often it was seen. */
export interface FindingFigures {
  readonly brokerName: string;
  readonly kind: string;
  /** Whom it concerns. */
  readonly subject: string;
  /** One sentence with what disagrees. */
  readonly what: string;
  /** What to do about it. */
  readonly advice: string;
  readonly seenCount: number;
  /** ISO 8601 in UTC. */
  readonly lastSeenAt: string;
}

/** Every 2 s while a page shows the queue side. */
export interface QueuesEvent {
  readonly topics: readonly TopicFigures[];
  readonly groups: readonly GroupFigures[];
  readonly deadLetters: readonly DeadLetterFigures[];
  /** null: the broker, an Apache one, keeps none. */
  readonly findings: readonly FindingFigures[] | null;
}

/** Every second while a flash sale runs, and at its end. */
export interface SaleEvent {
  readonly saleId: string;
  readonly sku: string;
  readonly stock: number;
  readonly remaining: number;
  /** Customers who came, those who were let in, and orders made of them: a second. */
  readonly arrivedPerS: number;
  readonly admittedPerS: number;
  readonly orderedPerS: number;
  /** Tickets in the queue. */
  readonly waiting: number;
  /** The last event of a sale. */
  readonly isOver: boolean;
}

/** Something cannot be read just now; the page stays usable. */
export interface ProblemEvent {
  /** order, figures, switches, queues or sale. */
  readonly part: string;
  /** For people; empty when it can be read again. */
  readonly message: string;
}

export interface LiveEvents {
  readonly hello: HelloEvent;
  readonly order: OrderEvent;
  readonly figures: FiguresEvent;
  readonly switches: SwitchesEvent;
  readonly queues: QueuesEvent;
  readonly sale: SaleEvent;
  readonly problem: ProblemEvent;
}

export type LiveEventName = keyof LiveEvents;
