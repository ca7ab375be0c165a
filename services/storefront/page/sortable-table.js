import { element, setText } from './elements.js';

/**
 * @template Row
 * @typedef {object} Column
 * @property {string} title
 * @property {(row: Row) => string | number} value What it is sorted by.
 * @property {(row: Row) => string} text
 */

/**
 * A table that is sorted by the column whose heading was pressed, and whose rows stay the same elements as their figures
 * change: nobody loses his place in it. The first column names the row.
 *
 * @template Row
 */
export class SortableTable {
  /** @type {Map<string, { row: HTMLTableRowElement, detail: HTMLTableRowElement | undefined, body: HTMLTableCellElement | undefined, data: Row }>} */
  #shown = new Map();
  #body = element('tbody');
  #headings;
  #sortedBy = 0;
  #isDescending = false;
  #columns;
  #detailOf;

  /**
   * @param {string} caption
   * @param {readonly Column<Row>[]} columns
   * @param {(row: Row) => Node} [detailOf] What a row shows when it is opened.
   */
  constructor(caption, columns, detailOf) {
    this.#columns = columns;
    this.#detailOf = detailOf;
    this.#headings = columns.map(({ title }, index) =>
      element(
        'th',
        { scope: 'col' },
        element('button', {
          type: 'button',
          text: title,
          on: { click: () => this.#sortBy(index) },
        }),
      ),
    );
    this.root = element(
      'table',
      {},
      element('caption', { class: 'visually-hidden', text: caption }),
      element('thead', {}, element('tr', {}, ...this.#headings)),
      this.#body,
    );
    this.#sort();
  }

  /**
   * @param {readonly Row[]} rows
   * @param {(row: Row) => string} keyOf
   */
  show(rows, keyOf) {
    const keys = new Set(rows.map((row) => keyOf(row)));
    for (const [key, { row, detail }] of this.#shown) {
      if (keys.has(key)) continue;
      row.remove();
      detail?.remove();
      this.#shown.delete(key);
    }
    for (const data of rows) {
      const shown = this.#shown.get(keyOf(data)) ?? this.#add(keyOf(data), data);
      shown.data = data;
      for (const [index, { text }] of this.#columns.entries()) {
        const cell = shown.row.cells[index];
        const target = cell?.querySelector('button') ?? cell;
        if (target) setText(target, text(data));
      }
      if (shown.detail?.hidden === false && this.#detailOf) {
        shown.body?.replaceChildren(this.#detailOf(data));
      }
    }
    this.#sort();
  }

  /**
   * @param {string} key
   * @param {Row} data
   */
  #add(key, data) {
    const row = element('tr');
    for (const [index] of this.#columns.entries()) {
      row.append(index === 0 ? element('th', { scope: 'row' }) : element('td'));
    }
    const detailOf = this.#detailOf;
    const body = detailOf && element('td', { colspan: this.#columns.length });
    const detail = body && element('tr', { class: 'detail', hidden: true }, body);
    const shown = { row, detail, body, data };
    if (detailOf && detail && body) {
      const toggle = element('button', {
        type: 'button',
        class: 'opens',
        'aria-expanded': 'false',
        on: {
          click: () => {
            detail.hidden = !detail.hidden;
            toggle.setAttribute('aria-expanded', String(!detail.hidden));
            if (!detail.hidden) body.replaceChildren(detailOf(shown.data));
          },
        },
      });
      row.cells[0]?.append(toggle);
    }
    this.#shown.set(key, shown);
    return shown;
  }

  /** @param {number} index */
  #sortBy(index) {
    // Of figures the largest are wanted first.
    const isFirst = index !== this.#sortedBy;
    this.#isDescending = isFirst ? index > 0 : !this.#isDescending;
    this.#sortedBy = index;
    this.#sort();
  }

  #sort() {
    for (const [index, heading] of this.#headings.entries()) {
      const direction = this.#isDescending ? 'descending' : 'ascending';
      heading.setAttribute('aria-sort', index === this.#sortedBy ? direction : 'none');
    }
    const value = this.#columns[this.#sortedBy]?.value;
    if (value === undefined) return;
    const sign = this.#isDescending ? -1 : 1;
    const sorted = [...this.#shown.entries()].sort(([oneKey, one], [otherKey, other]) => {
      const [low, high] = [value(one.data), value(other.data)];
      const order =
        typeof low === 'number' && typeof high === 'number'
          ? low - high
          : String(low).localeCompare(String(high));
      return sign * order || oneKey.localeCompare(otherKey);
    });
    const wanted = sorted.flatMap(([, { row, detail }]) => (detail ? [row, detail] : [row]));
    for (const [index, row] of wanted.entries()) {
      if (this.#body.children[index] !== row) {
        this.#body.insertBefore(row, this.#body.children[index] ?? null);
      }
    }
  }
}
