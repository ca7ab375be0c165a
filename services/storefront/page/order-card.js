import { actionButton, element, setText } from './elements.js';
import { clockText, durationText, moneyText } from './formats.js';
import { ask, outcomePlace, Problem, showProblem, showSaid } from './requests.js';
import { Timeline } from './timeline.js';

/** @typedef {import('./order-memory.js').RememberedOrder} RememberedOrder */

/** @type {Readonly<Record<string, string>>} */
const statusWords = {
  PLACING: 'Being placed',
  UNANSWERED: 'No answer',
  REFUSED: 'Not placed',
  PENDING: 'To be paid',
  PAID: 'Paid',
  SHIPPED: 'Shipped',
  CANCELLED: 'Closed',
  REFUNDING: 'Being refunded',
  PARTIALLY_REFUNDED: 'Partly refunded',
  REFUNDED: 'Refunded',
};

let cardCount = 0;

/** One order of this browser: what can be done with it, and what happens to it. */
export class OrderCard {
  #timeline = new Timeline();
  #outcome = outcomePlace();
  #status = element('span', { class: 'status' });
  #number = element('span', { class: 'number' });
  #amount = element('span', { class: 'amount' });
  #latest = element('span', { class: 'latest faint' });
  /** @type {HTMLElement} */
  #body;
  /** @type {HTMLButtonElement} */
  #toggle;
  #actions;
  #onChange;
  #announce;
  #save;

  /**
   * @param {RememberedOrder} order
   * @param {{ names: (sku: string) => string, save: () => void, onChange: () => void, announce: (text: string) => void, onDismiss: () => void }} options
   */
  constructor(order, { names, save, onChange, announce, onDismiss }) {
    this.order = order;
    this.#save = save;
    this.#onChange = onChange;
    this.#announce = announce;
    cardCount += 1;
    const bodyId = `order-card-${cardCount}`;
    const items = order.request.items.map(({ sku, quantity }) => `${quantity} × ${names(sku)}`);
    this.#actions = {
      pay: actionButton('Pay', () => this.#follow('payments')),
      refund: actionButton('Refund', () => this.#follow('refunds')),
      bringBack: actionButton('Bring goods back', () => this.#bringBack(), {
        title: 'A refund of what has been shipped waits for the goods',
      }),
      again: actionButton('Send again', () => this.#sendAgain(), {
        title:
          'Sends the same request with the same Idempotency-Key, as if the answer had been lost',
      }),
      dismiss: element('button', { type: 'button', text: 'Dismiss', on: { click: onDismiss } }),
    };
    const { pay, refund, again, bringBack, dismiss } = this.#actions;
    this.#body = element(
      'div',
      { id: bodyId, class: 'body' },
      element(
        'p',
        { class: 'items' },
        items.join(', ') || 'nothing',
        element('span', {
          class: 'faint',
          text: ` · ${order.request.userId} · sent ${clockText(order.sentAt)}`,
        }),
      ),
      element('div', { class: 'actions' }, pay, refund, again, bringBack, dismiss),
      this.#outcome,
      this.#timeline.root,
    );
    this.#toggle = element(
      'button',
      {
        type: 'button',
        class: 'toggle',
        'aria-controls': bodyId,
        on: { click: () => this.open(this.#toggle.ariaExpanded !== 'true') },
      },
      this.#number,
      this.#status,
      this.#amount,
      this.#latest,
    );
    this.root = element('li', { class: 'order' }, this.#toggle, this.#body);
    this.open(false);
    this.#showState();
  }

  /** @param {boolean} isOpen */
  open(isOpen) {
    this.#body.hidden = !isOpen;
    this.#toggle.setAttribute('aria-expanded', String(isOpen));
  }

  /** Refused for good: nothing of it is anywhere. */
  get isRefused() {
    return this.order.status === 'REFUSED';
  }

  get isBeingSent() {
    return this.order.status === 'PLACING';
  }

  /** @param {RememberedOrder} order As another tab knows it. */
  take(order) {
    Object.assign(this.order, order);
    this.#showState();
  }

  /**
   * Sends it, the first time or again, and says how that went. Errors: Problem.
   *
   * @returns {Promise<string>}
   */
  async send() {
    const { order } = this;
    const { key, request } = order;
    if (order.orderNo === undefined) order.status = 'PLACING';
    this.#showState();
    showSaid(this.#outcome, 'Sent …');
    const begin = performance.now();
    try {
      const { body, isRepeat } = await ask('POST', 'api/orders', { body: request, key });
      const took = durationText(performance.now() - begin);
      const { orderNo, status, totalMinor, currency, placedAt } = body;
      Object.assign(order, { orderNo, totalMinor, currency, placedAt });
      // A repeat tells of the order as it was at first, perhaps.
      if (!isRepeat || order.status === 'PLACING') order.status = status;
      const said = isRepeat
        ? `A repeat: the shop knew the key, gave its first answer again in ${took} and placed nothing new.`
        : `Order ${orderNo} placed, answered in ${took}.`;
      showSaid(this.#outcome, said, isRepeat ? 'repeat' : 'said');
      this.#changed();
      return said;
    } catch (error) {
      if (error instanceof Problem && order.orderNo === undefined) {
        order.status = error.isFinal ? 'REFUSED' : 'UNANSWERED';
      }
      this.#changed();
      showProblem(this.#outcome, error);
      throw error;
    }
  }

  /** @param {import('../live/live-events.ts').OrderEvent} watched */
  show({ status, entries }) {
    const { order } = this;
    if (status !== order.status) {
      order.status = status;
      this.#save();
      this.#showState();
      this.#announce(`${order.orderNo}: ${this.#status.textContent}`);
    }
    this.#timeline.show(entries, order.placedAt ?? order.sentAt);
    const latest = entries.at(-1);
    if (latest !== undefined) setText(this.#latest, `${latest.service}: ${latest.what}`);
  }

  async #sendAgain() {
    try {
      await this.send();
    } catch (error) {
      // Shown already, where the button is.
      if (!(error instanceof Problem)) throw error;
    }
  }

  /**
   * A payment or a refund: begun here, and told of by the timeline. One whose answer was lost is asked for again with its
   * key; a new click after an answer is a new request, and the service says whether it makes sense.
   *
   * @param {'payments' | 'refunds'} what
   */
  async #follow(what) {
    const { order } = this;
    const key = (order.keys[what] ??= crypto.randomUUID());
    this.#save();
    showSaid(this.#outcome, 'Sent …');
    try {
      const path = `api/orders/${order.orderNo}/${what}`;
      const { body, isRepeat } = await ask('POST', path, { key, body: {} });
      delete order.keys[what];
      const number = what === 'payments' ? `Payment ${body.paymentNo}` : `Refund ${body.refundNo}`;
      showSaid(
        this.#outcome,
        isRepeat
          ? `A repeat: ${number} had begun already, and nothing new has.`
          : `${number} has begun; how it goes is told below.`,
        isRepeat ? 'repeat' : 'said',
      );
    } catch (error) {
      if (error instanceof Problem && error.isFinal) delete order.keys[what];
      showProblem(this.#outcome, error);
    }
    this.#save();
  }

  async #bringBack() {
    try {
      const { body } = await ask('POST', `api/orders/${this.order.orderNo}/returns`, { body: {} });
      showSaid(
        this.#outcome,
        body.received === 0
          ? 'The warehouse waits for no goods of this order just now.'
          : 'The warehouse has the goods back.',
      );
    } catch (error) {
      showProblem(this.#outcome, error);
    }
  }

  #changed() {
    this.#save();
    this.#showState();
    this.#onChange();
  }

  #showState() {
    const { orderNo, status = 'PLACING', totalMinor, currency } = this.order;
    setText(this.#number, orderNo ?? 'New order');
    setText(this.#status, statusWords[status] ?? status);
    this.root.dataset['status'] = status;
    if (totalMinor !== undefined && currency !== undefined) {
      setText(this.#amount, moneyText(totalMinor, currency));
    }
    const isPlaced = orderNo !== undefined;
    const { pay, refund, again, bringBack, dismiss } = this.#actions;
    bringBack.hidden = status !== 'REFUNDING';
    pay.hidden = refund.hidden = !isPlaced;
    dismiss.hidden = !this.isRefused;
    again.hidden = status === 'PLACING';
    pay.classList.toggle('primary', status === 'PENDING');
  }
}
