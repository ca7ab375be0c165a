const STORED_AS = 'millrace.orders';
export const MAX_ORDERS = 20;

/**
 * @typedef {object} RememberedOrder
 * @property {string} key The Idempotency-Key it was, or is to be, placed with.
 * @property {import('./order-form.js').OrderRequest} request
 * @property {string} sentAt
 * @property {string} [orderNo] Absent until the shop has answered.
 * @property {string} [status]
 * @property {number} [totalMinor]
 * @property {string} [currency]
 * @property {string} [placedAt]
 * @property {Partial<Record<'payments' | 'refunds', string>>} keys Of payments and refunds whose answer has not come yet.
 */

/** The orders of this browser, newest first. A browser that keeps nothing for a page loses them with it. */
export class OrderMemory {
  /** @type {RememberedOrder[]} */
  orders = [];

  constructor() {
    try {
      const stored = JSON.parse(localStorage.getItem(STORED_AS) ?? '[]');
      if (Array.isArray(stored)) this.orders = stored.slice(0, MAX_ORDERS);
    } catch (error) {
      console.info('no orders kept by this browser:', error);
    }
  }

  /** @param {RememberedOrder} order */
  add(order) {
    this.orders = [order, ...this.orders].slice(0, MAX_ORDERS);
    this.save();
  }

  /** @param {RememberedOrder} order */
  forget(order) {
    this.orders = this.orders.filter((each) => each !== order);
    this.save();
  }

  save() {
    try {
      localStorage.setItem(STORED_AS, JSON.stringify(this.orders));
    } catch (error) {
      console.info('this browser keeps no orders:', error);
    }
  }
}
