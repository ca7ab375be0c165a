import { actionButton, element, place, setText } from './elements.js';
import { countText, rateText } from './formats.js';
import { LiveChart } from './live-chart.js';
import { ask, outcomePlace, showProblem, showSaid } from './requests.js';

/** @typedef {import('../live/live-events.ts').SaleEvent} Sale */

/** A sale is shown from its first second; a short one has room to grow. */
const LEAST_SHOWN_S = 20;

/** @type {readonly { title: string, colour: string, of: (sale: Sale) => number, dash?: readonly number[], isFilled?: boolean, isOnRight?: boolean, text: (value: number) => string }[]} */
const lines = [
  { title: 'arrived/s', colour: '--faint', of: ({ arrivedPerS }) => arrivedPerS, text: rateText },
  {
    title: 'admitted/s',
    colour: '--text',
    dash: [2, 3],
    of: ({ admittedPerS }) => admittedPerS,
    text: rateText,
  },
  {
    title: 'ordered/s',
    colour: '--accent',
    isFilled: true,
    of: ({ orderedPerS }) => orderedPerS,
    text: rateText,
  },
  {
    title: 'waiting (right)',
    colour: '--warning',
    dash: [6, 3],
    isOnRight: true,
    of: ({ waiting }) => waiting,
    text: countText,
  },
];

/** Opens a sale with a crowd, and shows how the queue shaves its peak. */
export class FlashSale {
  /** @type {string | undefined} */
  #saleId;
  /** The one that was opened here, until it is over. @type {string | undefined} */
  #openedId;
  #outcome = outcomePlace();
  /** @type {{ at: number, sale: Sale }[]} */
  #history = [];
  #chart;
  #values = lines.map(() => element('span', { class: 'value', text: '–' }));
  #state = element('p', { class: 'sale-state', text: 'No sale has been opened here yet.' });
  #sku = element('select', { id: 'sale-sku' }, element('option', { value: '', text: 'any' }));

  /** @param {import('./catalogue.js').CatalogueReader} catalogue */
  constructor(catalogue) {
    const outcome = this.#outcome;
    const stock = numberInput('sale-stock', 2_000, 1, 10_000);
    const customersPerS = numberInput('sale-customers', 500, 1, 1_000);
    const seconds = numberInput('sale-seconds', 10, 1, 30);
    const open = actionButton(
      'Open the sale',
      async () => {
        showSaid(outcome, 'Opening …');
        try {
          const { body } = await ask('POST', 'api/sales', {
            body: {
              ...(this.#sku.value !== '' && { sku: this.#sku.value }),
              stock: Number(stock.value),
              customersPerS: Number(customersPerS.value),
              seconds: Number(seconds.value),
            },
          });
          this.#openedId = body.saleId;
          showSaid(outcome, `Sale ${body.saleId} is open, and the crowd is on its way.`);
        } catch (error) {
          showProblem(outcome, error);
        }
      },
      { class: 'primary' },
    );
    const canvas = element('div', {
      class: 'chart',
      role: 'img',
      'aria-label':
        'Customers arrived, admitted, ordered a second, and waiting, since the sale opened',
    });
    place('sale').append(
      element(
        'div',
        { class: 'sale' },
        element(
          'div',
          { class: 'sale-form' },
          element('p', {
            class: 'tells',
            text: 'A crowd wants the same thing at once. The gate decides in memory who gets a piece and answers at once; the orders are placed as fast as the database takes them. So the peak becomes a plateau.',
          }),
          element('label', {}, 'Goods', this.#sku),
          element('label', {}, 'Pieces', stock),
          element('label', {}, 'Customers a second', customersPerS),
          element('label', {}, 'For seconds', seconds),
          open,
          outcome,
        ),
        element(
          'div',
          { class: 'sale-curve' },
          this.#state,
          element(
            'p',
            { class: 'keys' },
            ...lines.map(({ title }, index) =>
              element(
                'span',
                { class: `keyed line-${index}` },
                element('span', { class: 'key', text: `${title} ` }),
                this.#values[index] ?? '',
              ),
            ),
          ),
          canvas,
        ),
      ),
    );
    this.#chart = new LiveChart(
      canvas,
      lines.map(({ title, colour, dash, isFilled = false, isOnRight = false }) => ({
        label: title,
        colour,
        isFilled,
        isOnRight,
        ...(dash !== undefined && { dash }),
      })),
      { hasTimes: true, floor: 10 },
    );
    const nothing = lines.map(() => []);
    this.#chart.show([], nothing, [0, LEAST_SHOWN_S]);
    catalogue.follow(({ products }) => {
      if (this.#sku.options.length > 1) return;
      this.#sku.append(
        ...products.map(({ sku, name }) => element('option', { value: sku, text: name })),
      );
    });
  }

  /** @param {Sale} sale */
  show(sale) {
    // The last word of a sale is told again to a page that comes back to its tab.
    if (sale.saleId === this.#saleId && this.#history.at(-1)?.sale.isOver) return;
    if (sale.saleId !== this.#saleId) {
      this.#saleId = sale.saleId;
      this.#history = [];
    }
    this.#history.push({ at: performance.now() / 1_000, sale });
    const begin = this.#history[0]?.at ?? 0;
    const at = this.#history.map((each) => each.at - begin);
    this.#chart.show(
      at,
      lines.map(({ of }) => this.#history.map((each) => of(each.sale))),
      [0, Math.max(LEAST_SHOWN_S, at.at(-1) ?? 0)],
    );
    for (const [index, { of, text }] of lines.entries()) {
      const value = this.#values[index];
      if (value) setText(value, text(of(sale)));
    }
    setText(
      this.#state,
      `Sale ${sale.saleId} of ${sale.sku}: ${countText(sale.remaining)} of ${countText(sale.stock)} pieces left${sale.isOver ? '; it is over' : ''}.`,
    );
    if (sale.isOver && sale.saleId === this.#openedId) {
      this.#openedId = undefined;
      showSaid(this.#outcome, `Sale ${sale.saleId} is over.`);
    }
  }
}

/**
 * @param {string} id
 * @param {number} value
 * @param {number} min
 * @param {number} max
 */
function numberInput(id, value, min, max) {
  return element('input', { type: 'number', id, value, min, max, inputmode: 'numeric' });
}
