import { element, place, setText } from './elements.js';
import { OrderCard } from './order-card.js';
import { MAX_ORDERS, OrderMemory } from './order-memory.js';

/** @typedef {import('./order-form.js').OrderRequest} OrderRequest */

/** The cards of this browser's orders, newest first. */
export class Orders {
  #memory = new OrderMemory(() => this.#takeFromOtherTab());
  #list = element('ol', { class: 'orders' });
  #none = element('p', {
    class: 'faint none',
    text: 'None yet. Pick something and place an order: each service that hears of it says so here.',
  });
  /** A screen reader hears here how an order goes on. */
  #news = element('p', { class: 'visually-hidden', role: 'status' });
  /** @type {OrderCard[]} */
  #cards = [];
  #watched = '';
  #names;
  #onWatched;

  /**
   * @param {(sku: string) => string} names
   * @param {(orderNos: readonly string[]) => void} onWatched
   */
  constructor(names, onWatched) {
    this.#names = names;
    this.#onWatched = onWatched;
    place('orders').append(this.#none, this.#list, this.#news);
    this.#cards = this.#memory.read().map((order) => this.#cardOf(order));
    this.#list.append(...this.#cards.map(({ root }) => root));
    this.#cards[0]?.open(true);
    this.#changed();
  }

  /**
   * Its card is there at once, so that what comes of it moves nothing. Errors: Problem.
   *
   * @param {OrderRequest} request
   * @returns {Promise<string>}
   */
  placeNew(request) {
    for (const card of this.#cards.filter(({ isRefused }) => isRefused)) this.#remove(card);
    for (const card of this.#cards) card.open(false);
    const order = {
      key: crypto.randomUUID(),
      request,
      sentAt: new Date().toISOString(),
      keys: {},
    };
    this.#memory.save(order);
    const card = this.#cardOf(order);
    this.#insert(card);
    card.open(true);
    this.#changed();
    return card.send();
  }

  /** @param {import('../live/live-events.ts').OrderEvent} watched */
  show(watched) {
    this.#cards.find(({ order }) => order.orderNo === watched.orderNo)?.show(watched);
  }

  #takeFromOtherTab() {
    const kept = new Map(this.#memory.read().map((order) => [order.key, order]));
    for (const card of this.#cards) {
      const order = kept.get(card.order.key);
      kept.delete(card.order.key);
      // The answer comes to this tab, and is newer.
      if (card.isBeingSent) continue;
      if (order === undefined) this.#drop(card);
      else card.take(order);
    }
    for (const order of kept.values()) this.#insert(this.#cardOf(order));
    this.#changed();
  }

  /** @param {OrderCard} card At its place among the others: newest first. */
  #insert(card) {
    const older = this.#cards.findIndex(({ order }) => order.sentAt <= card.order.sentAt);
    const index = older === -1 ? this.#cards.length : older;
    this.#list.insertBefore(card.root, this.#cards[index]?.root ?? null);
    this.#cards.splice(index, 0, card);
    for (const { root } of this.#cards.splice(MAX_ORDERS)) root.remove();
  }

  /** @param {import('./order-memory.js').RememberedOrder} order */
  #cardOf(order) {
    const card = new OrderCard(order, {
      names: this.#names,
      save: () => this.#memory.save(order),
      onChange: () => this.#changed(),
      announce: (text) => setText(this.#news, text),
      onDismiss: () => this.#remove(card),
    });
    return card;
  }

  /** @param {OrderCard} card */
  #drop(card) {
    card.root.remove();
    this.#cards = this.#cards.filter((each) => each !== card);
  }

  /** @param {OrderCard} card */
  #remove(card) {
    this.#drop(card);
    this.#memory.forget(card.order);
    this.#changed();
  }

  #changed() {
    this.#none.hidden = this.#cards.length > 0;
    const orderNos = this.#cards.flatMap(({ order: { orderNo } }) =>
      orderNo === undefined ? [] : [orderNo],
    );
    // Other tabs tell of every step of an order; the shop need not be told each time.
    if (orderNos.join() === this.#watched) return;
    this.#watched = orderNos.join();
    this.#onWatched(orderNos);
  }
}
