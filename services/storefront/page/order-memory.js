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

/**
 * The orders of this browser, newest first. Its tabs share them: each changes the one order it means, in what is kept by
 * then. A browser that keeps nothing for a page loses them with it.
 */
export class OrderMemory {
  /** @param {() => void} onOtherTab Another tab has changed something. */
  constructor(onOtherTab) {
    addEventListener('storage', ({ key }) => {
      if (key === STORED_AS) onOtherTab();
    });
  }

  /** An order that nobody in this tab has sent has no answer to wait for here: it can only be sent again, with its key. */
  read() {
    return stored().map((order) =>
      order.orderNo === undefined && order.status !== 'REFUSED'
        ? { ...order, status: 'UNANSWERED' }
        : order,
    );
  }

  /** @param {RememberedOrder} order New, or changed. */
  save(order) {
    const others = stored().filter(({ key }) => key !== order.key);
    const newestFirst = [order, ...others].toSorted((one, other) =>
      other.sentAt.localeCompare(one.sentAt),
    );
    store(newestFirst.slice(0, MAX_ORDERS));
  }

  /** @param {RememberedOrder} order */
  forget(order) {
    store(stored().filter(({ key }) => key !== order.key));
  }
}

/** @returns {RememberedOrder[]} */
function stored() {
  try {
    const orders = JSON.parse(localStorage.getItem(STORED_AS) ?? '[]');
    return Array.isArray(orders) ? orders : [];
  } catch (error) {
    console.info('no orders kept by this browser:', error);
    return [];
  }
}

/** @param {readonly RememberedOrder[]} orders */
function store(orders) {
  try {
    localStorage.setItem(STORED_AS, JSON.stringify(orders));
  } catch (error) {
    console.info('this browser keeps no orders:', error);
  }
}
