import { element } from './elements.js';
import { clockText, sinceText } from './formats.js';

/** @typedef {import('../live/live-events.ts').TimelineEntry} TimelineEntry */

/**
 * What happened to one order, in the order of time.
 *
 * An entry may come late and belong between others, and is as high as its text. So each is put at its place by a transform,
 * which moves nothing else in the layout, and the place of them all has one height however many they are.
 */
export class Timeline {
  /** @type {Map<string, HTMLLIElement>} */
  #rows = new Map();
  #width = 0;
  #list = element('ol');
  /** The element for the page: it scrolls, and so the keyboard must get there. */
  root = element(
    'div',
    { class: 'timeline', tabindex: 0, role: 'region', 'aria-label': 'What happened to this order' },
    element('p', { class: 'faint', text: 'Nothing heard of it yet.' }),
    this.#list,
  );

  constructor() {
    // Where it is not shown nothing has a height; that comes with a width.
    new ResizeObserver(([entry]) => {
      const width = entry?.contentRect.width ?? 0;
      if (width === this.#width) return;
      this.#width = width;
      this.#arrange();
    }).observe(this.root);
  }

  /**
   * @param {readonly TimelineEntry[]} entries
   * @param {string} since
   */
  show(entries, since) {
    const begin = Date.parse(since);
    const isAtEnd = this.root.scrollTop + this.root.clientHeight >= this.root.scrollHeight - 8;
    const sorted = entries.toSorted((one, other) => Date.parse(one.at) - Date.parse(other.at));
    const rows = sorted.map((entry) => {
      const key = [entry.at, entry.service, entry.what, entry.messageId].join(' ');
      const row = this.#rows.get(key) ?? rowOf(entry, begin);
      this.#rows.set(key, row);
      return row;
    });
    const shown = new Set(rows);
    for (const [key, row] of this.#rows) {
      if (shown.has(row)) continue;
      row.remove();
      this.#rows.delete(key);
    }
    for (const [index, row] of rows.entries()) {
      if (this.#list.children[index] !== row) {
        this.#list.insertBefore(row, this.#list.children[index] ?? null);
      }
    }
    this.root.classList.toggle('has-entries', rows.length > 0);
    this.#arrange();
    if (isAtEnd) this.root.scrollTop = this.root.scrollHeight;
  }

  /** One below the other. All heights are read before anything is set, so that the page is laid out once. */
  #arrange() {
    if (this.#width === 0) return;
    const rows = /** @type {HTMLLIElement[]} */ ([...this.#list.children]);
    const heights = rows.map((row) => row.getBoundingClientRect().height);
    let top = 0;
    for (const [index, row] of rows.entries()) {
      row.style.setProperty('--top', `${top}px`);
      top += heights[index] ?? 0;
    }
    this.#list.style.setProperty('--height', `${top}px`);
  }
}

/**
 * @param {TimelineEntry} entry
 * @param {number} begin
 */
function rowOf({ at, service, what, topic, tag, messageId, isProblem }, begin) {
  const message = element('span', { class: 'message' });
  if (topic !== undefined) {
    message.append(element('span', { text: tag === undefined ? topic : `${topic} · ${tag}` }));
  }
  if (messageId !== undefined) {
    message.append(element('code', { text: messageId }));
  }
  return element(
    'li',
    { class: isProblem ? 'is-problem' : undefined },
    element('time', {
      datetime: at,
      title: clockText(at),
      text: sinceText(Date.parse(at) - begin),
    }),
    element('strong', { text: service }),
    element('span', { class: 'what', text: what }),
    message,
  );
}
