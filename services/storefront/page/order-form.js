import { element, setText } from './elements.js';
import { countText, moneyText } from './formats.js';
import { outcomePlace, Problem, showProblem, showSaid } from './requests.js';

/** @typedef {import('./catalogue.js').Product} Product */
/** @typedef {{ userId: string, items: { sku: string, quantity: number }[], couponCode?: string }} OrderRequest */
/** @typedef {{ input: HTMLInputElement, price: HTMLElement, available: HTMLElement, unitPriceMinor: number }} GoodsRow */

/** Where goods are picked and ordered. */
export class OrderForm {
  /** @type {Map<string, GoodsRow>} */
  #rows = new Map();
  #currency = 'EUR';
  #goods = element('ul', { class: 'goods', 'aria-label': 'Goods' });
  #total = element('output', { class: 'total', text: '–' });
  #outcome = outcomePlace();
  #catalogueProblem = element('div', { class: 'catalogue-problem' });
  #user = element('input', { id: 'customer', value: 'user-1', autocomplete: 'off' });
  #coupon = element('input', { id: 'coupon', autocomplete: 'off', placeholder: 'optional' });

  /**
   * @param {import('./catalogue.js').CatalogueReader} catalogue
   * @param {(request: OrderRequest) => Promise<string>} placeOrder What to say of it. Errors: Problem.
   */
  constructor(catalogue, placeOrder) {
    this.root = element(
      'form',
      { novalidate: true },
      this.#goods,
      this.#catalogueProblem,
      element(
        'div',
        { class: 'fields' },
        element('label', {}, 'Customer', this.#user),
        element('label', {}, 'Coupon code', this.#coupon),
      ),
      element(
        'div',
        { class: 'checkout' },
        element('span', { class: 'faint', text: 'Total ' }),
        this.#total,
        element('button', { type: 'submit', class: 'primary', text: 'Place order' }),
      ),
      this.#outcome,
    );
    this.root.addEventListener('input', ({ target }) => {
      if (target instanceof Element) target.removeAttribute('aria-invalid');
      this.#showTotal();
    });
    const submit = async () => {
      const request = this.#request();
      this.#markInvalid([], request);
      showSaid(this.#outcome, 'Placing …');
      try {
        showSaid(this.#outcome, await placeOrder(request));
      } catch (error) {
        showProblem(this.#outcome, error);
        if (error instanceof Problem) this.#markInvalid(error.fields, request);
      }
    };
    this.root.addEventListener('submit', (event) => {
      event.preventDefault();
      void submit();
    });
    catalogue.follow(
      ({ currency, products }) => {
        this.#currency = currency;
        for (const product of products) this.#showProduct(product);
        this.#showTotal();
      },
      (problem) => {
        if (problem === undefined) this.#catalogueProblem.replaceChildren();
        else showProblem(this.#catalogueProblem, problem);
      },
    );
  }

  /** @returns {OrderRequest} */
  #request() {
    const items = [...this.#rows]
      .map(([sku, { input }]) => ({ sku, quantity: input.value === '' ? 0 : Number(input.value) }))
      .filter(({ quantity }) => quantity !== 0);
    const couponCode = this.#coupon.value.trim();
    return {
      userId: this.#user.value.trim(),
      items,
      ...(couponCode !== '' && { couponCode }),
    };
  }

  /** @param {Product} product */
  #showProduct({ sku, name, unitPriceMinor, available }) {
    const row = this.#rows.get(sku) ?? this.#addRow(sku, name);
    row.unitPriceMinor = unitPriceMinor;
    setText(row.price, moneyText(unitPriceMinor, this.#currency));
    setText(row.available, available === undefined ? '' : `${countText(available)} left`);
  }

  /**
   * @param {string} sku
   * @param {string} name
   * @returns {GoodsRow}
   */
  #addRow(sku, name) {
    const isFirst = this.#rows.size === 0;
    const input = element('input', {
      type: 'number',
      min: 0,
      inputmode: 'numeric',
      value: isFirst ? 1 : 0,
      'aria-label': `How many of ${name}`,
      'data-sku': sku,
    });
    /** The arrow keys do the same for a keyboard. @type {(text: string, by: number) => HTMLElement} */
    const step = (text, by) =>
      element('button', {
        type: 'button',
        class: 'step',
        tabindex: -1,
        'aria-hidden': 'true',
        text,
        on: {
          click: () => {
            input.value = String(Math.max(0, Number(input.value) + by));
            input.dispatchEvent(new Event('input', { bubbles: true }));
          },
        },
      });
    const price = element('span', { class: 'price' });
    const available = element('span', { class: 'faint' });
    this.#goods.append(
      element(
        'li',
        {},
        element('span', { class: 'name', title: sku, text: name }),
        element('span', { class: 'facts' }, price, available),
        element('span', { class: 'quantity' }, step('−', -1), input, step('+', 1)),
      ),
    );
    const row = { input, price, available, unitPriceMinor: 0 };
    this.#rows.set(sku, row);
    return row;
  }

  #showTotal() {
    let minor = 0;
    for (const { input, unitPriceMinor } of this.#rows.values()) {
      minor += Number(input.value) * unitPriceMinor;
      input.closest('li')?.classList.toggle('is-picked', Number(input.value) > 0);
    }
    setText(this.#total, moneyText(minor, this.#currency));
  }

  /**
   * @param {readonly { field: string }[]} fields
   * @param {OrderRequest} request
   */
  #markInvalid(fields, request) {
    for (const input of [
      this.#user,
      this.#coupon,
      ...[...this.#rows.values()].map((row) => row.input),
    ]) {
      input.removeAttribute('aria-invalid');
    }
    for (const { field } of fields) {
      const index = /^items\[(\d+)\]/.exec(field)?.[1];
      const sku = index === undefined ? undefined : request.items[Number(index)]?.sku;
      const input =
        sku !== undefined
          ? this.#rows.get(sku)?.input
          : { userId: this.#user, couponCode: this.#coupon }[field];
      input?.setAttribute('aria-invalid', 'true');
    }
  }
}
