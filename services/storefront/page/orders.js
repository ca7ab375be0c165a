import { element, place, setText } from './elements.js';
import { OrderCard } from './order-card.js';
import { MAX_ORDERS, OrderMemory } from './order-memory.js';

/** @typedef {import('./order-form.js').OrderRequest} OrderRequest */

/** The cards of this browser's orders, newest first. */
export class Orders {
  #memory = new OrderMemory();
  #list = element('ol', { class: 'orders' });
  #none = element('p', {
    class: 'faint none',
    text: 'None yet. Pick something and place an order: each service that hears of it says so here.',
  });
  /** A screen reader hears here how an order goes on. */
  #news = element('p', { class: 'visually-hidden', role: 'status' });
  /** @type {OrderCard[]} */
  #cards = [];
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
    this.#cards = this.#memory.orders.map((order) => this.#cardOf(order));
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
    this.#memory.add(order);
    const card = this.#cardOf(order);
    this.#cards.unshift(card);
    this.#list.prepend(card.root);
    for (const { root } of this.#cards.splice(MAX_ORDERS)) root.remove();
    card.open(true);
    this.#changed();
    return card.send();
  }

  /** @param {import('../live/live-events.ts').OrderEvent} watched */
  show(watched) {
    this.#cards.find(({ order }) => order.orderNo === watched.orderNo)?.show(watched);
  }

  /** @param {import('./order-memory.js').RememberedOrder} order */
  #cardOf(order) {
    const card = new OrderCard(order, {
      names: this.#names,
      save: () => this.#memory.save(),
      onChange: () => this.#changed(),
      announce: (text) => setText(this.#news, text),
      onDismiss: () => this.#remove(card),
    });
    return card;
  }

  /** @param {OrderCard} card */
  #remove(card) {
    card.root.remove();
    this.#cards = this.#cards.filter((each) => each !== card);
    this.#memory.forget(card.order);
    this.#changed();
  }

  #changed() {
    this.#none.hidden = this.#cards.length > 0;
    this.#onWatched(
      this.#cards.flatMap(({ order }) => (order.orderNo === undefined ? [] : [order.orderNo])),
    );
  }
}
