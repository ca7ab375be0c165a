import { randomUUID } from 'node:crypto';
import type { BeforeApplicationShutdown } from '@nestjs/common';
import { DomainError } from '../../common/errors.ts';
import type { LiveEventName, LiveEvents, OrderEvent } from './live-events.ts';
import { eventText, LiveStream, type LiveResponse } from './live-stream.ts';
import type { Timers } from './timers.ts';

/** What proxies and browsers take for a connection that is alive. */
const HEARTBEAT_MS = 15_000;
const MAX_PAGE_COUNT = 200;

/** What one page looks at. */
export interface Watched {
  readonly orders: readonly string[];
  readonly isQueueSideShown: boolean;
}

interface Page {
  readonly stream: LiveStream;
  watched: Watched;
}

/** All open pages: who looks at what, and whom to tell. */
export class LiveHub implements BeforeApplicationShutdown {
  readonly #timers: Timers;
  readonly #pages = new Map<string, Page>();
  readonly #listeners: (() => void)[] = [];
  #knownOrder: (orderNo: string) => OrderEvent | undefined = () => undefined;
  /** The last event of each kind that all pages get, for those that come while another is there. */
  readonly #latest = new Map<string, string>();
  #heartbeat: unknown;
  #isClosing = false;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  get pageCount(): number {
    return this.#pages.size;
  }

  get isQueueSideShown(): boolean {
    return [...this.#pages.values()].some(({ watched }) => watched.isQueueSideShown);
  }

  /** The orders that some page watches. */
  watchedOrders(): ReadonlySet<string> {
    return new Set([...this.#pages.values()].flatMap(({ watched }) => watched.orders));
  }

  /** Calls the listener whenever a page comes, goes, or looks at something else. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Who knows of an order already, for a page that begins to watch one. */
  onWatch(knownOrder: (orderNo: string) => OrderEvent | undefined): void {
    this.#knownOrder = knownOrder;
  }

  /** Errors: SHOP.TOO_MANY_PAGES; to be asked before `open`. */
  assertRoom(): void {
    if (this.#pages.size < MAX_PAGE_COUNT && !this.#isClosing) return;
    const detail = this.#isClosing
      ? 'the shop page is stopping'
      : `${this.#pages.size} pages are open, at most ${MAX_PAGE_COUNT} can be`;
    throw new DomainError('SHOP.TOO_MANY_PAGES', 'unavailable', detail);
  }

  open(response: LiveResponse): void {
    if (response.req.socket.destroyed) return;
    const id = randomUUID();
    const stream = new LiveStream(id, response, () => this.#leave(id));
    this.#pages.set(id, { stream, watched: { orders: [], isQueueSideShown: false } });
    for (const [name, text] of this.#latest) stream.send(name, text);
    this.#heartbeat ??= this.#timers.setTimeout(() => this.#beat(), HEARTBEAT_MS);
    this.#changed();
  }

  /** Errors: LIVE.NOT_FOUND when the stream has ended: the page opens another. */
  watch(streamId: string, watched: Watched): void {
    const page = this.#pages.get(streamId);
    if (page === undefined) {
      throw new DomainError('LIVE.NOT_FOUND', 'not_found', 'this stream has ended, open another');
    }
    for (const orderNo of page.watched.orders) {
      if (!watched.orders.includes(orderNo)) page.stream.forget(orderThing(orderNo));
    }
    for (const orderNo of watched.orders) {
      if (page.watched.orders.includes(orderNo)) continue;
      const known = this.#knownOrder(orderNo);
      if (known) page.stream.send(orderThing(orderNo), eventText('order', known));
    }
    page.watched = watched;
    this.#changed();
  }

  /** To all pages, and to those that come later; without any it is forgotten, for it would be old by then. */
  tellAll<Name extends LiveEventName>(name: Name, data: LiveEvents[Name]): void {
    if (this.#pages.size === 0) return;
    const text = eventText(name, data);
    this.#latest.set(name, text);
    for (const { stream } of this.#pages.values()) stream.send(name, text);
  }

  /** To the pages that show the queue side. */
  tellQueueSide(data: LiveEvents['queues']): void {
    const text = eventText('queues', data);
    for (const { stream, watched } of this.#pages.values()) {
      if (watched.isQueueSideShown) stream.send('queues', text);
    }
  }

  /** To the pages that watch the order. */
  tellOrder(data: OrderEvent): void {
    const text = eventText('order', data);
    for (const { stream, watched } of this.#pages.values()) {
      if (watched.orders.includes(data.orderNo)) stream.send(orderThing(data.orderNo), text);
    }
  }

  /** What cannot be read just now, or, with an empty message, can be again. Told when it changes. */
  tellProblem(part: string, message: string): void {
    if (this.#pages.size === 0) return;
    const thing = `problem ${part}`;
    const text = eventText('problem', { part, message });
    if ((this.#latest.get(thing) ?? eventText('problem', { part, message: '' })) === text) return;
    if (message === '') this.#latest.delete(thing);
    else this.#latest.set(thing, text);
    for (const { stream } of this.#pages.values()) stream.send(thing, text);
  }

  /** Open streams would hold the process for as long as their pages are open. */
  beforeApplicationShutdown(): void {
    this.#isClosing = true;
    this.#timers.clearTimeout(this.#heartbeat);
    for (const { stream } of this.#pages.values()) stream.end();
  }

  #leave(id: string): void {
    this.#pages.delete(id);
    // Who comes after a while without any page must not take what was for what is.
    if (this.#pages.size === 0) this.#latest.clear();
    this.#changed();
  }

  #beat(): void {
    // Of a response whose connection ended before it was written to, nobody hears.
    for (const [id, { stream }] of this.#pages) {
      if (stream.isGone) this.#leave(id);
      else stream.beat();
    }
    this.#heartbeat =
      this.#pages.size === 0
        ? undefined
        : this.#timers.setTimeout(() => this.#beat(), HEARTBEAT_MS);
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

function orderThing(orderNo: string): string {
  return `order ${orderNo}`;
}
