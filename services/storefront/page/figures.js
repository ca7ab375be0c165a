import { element, place, setText } from './elements.js';
import { countText, rateText } from './formats.js';
import { LiveChart } from './live-chart.js';

const SHOWN_S = 120;
/** Longer without a figure is a gap in the line, not a slope. */
const GAP_S = 3;

/** @typedef {import('../live/live-events.ts').FiguresEvent} Figures */

/** @type {readonly { title: string, unit: string, floor: number, isCount?: boolean, series: readonly { label?: string, of: (figures: Figures) => number | null }[] }[]} */
const charts = [
  {
    title: 'Orders in',
    unit: 'a second',
    floor: 2,
    series: [{ of: ({ ordersPerS }) => ordersPerS }],
  },
  {
    title: 'Events out',
    unit: 'a second',
    floor: 5,
    series: [{ of: ({ eventsPerS }) => eventsPerS }],
  },
  {
    title: 'Backlog',
    unit: 'waiting',
    isCount: true,
    floor: 5,
    series: [{ of: ({ backlog }) => backlog }],
  },
  {
    title: 'Checkout',
    unit: 'ms',
    isCount: true,
    floor: 50,
    series: [
      { label: 'p50', of: ({ checkoutP50Ms }) => checkoutP50Ms },
      { label: 'p99', of: ({ checkoutP99Ms }) => checkoutP99Ms },
    ],
  },
];

/** Four charts of the last two minutes. */
export class FigureCharts {
  /** @type {(Figures | { at: number })[]} */
  #history = [];
  /** @type {((history: readonly (Figures | { at: number })[], newest: Figures) => void)[]} */
  #draws;

  constructor() {
    this.#draws = charts.map(({ title, unit, floor, isCount = false, series }) => {
      const values = series.map(() => element('span', { class: 'value', text: '–' }));
      const canvas = element('div', {
        class: 'chart',
        role: 'img',
        'aria-label': `${title}, the last two minutes`,
      });
      const figure = element(
        'div',
        { class: 'panel figure' },
        element(
          'p',
          {},
          element('strong', { text: title }),
          ...values.map((value, index) => {
            const label = series[index]?.label;
            if (label === undefined) return value;
            const key = element('span', { class: `key ${label}`, text: label });
            return element('span', { class: 'keyed' }, key, value);
          }),
          element('span', { class: 'faint unit', text: unit }),
        ),
        canvas,
      );
      place('figures').append(figure);
      const chart = new LiveChart(
        canvas,
        series.map(({ label = title }, index) =>
          index === 0
            ? { label, colour: '--accent', isFilled: true }
            : { label, colour: '--faint', dash: [4, 3] },
        ),
        { floor },
      );
      return (history, newest) => {
        const at = history.map((each) => each.at / 1_000);
        const lines = series.map(({ of }) =>
          history.map((each) => ('backlog' in each ? of(each) : null)),
        );
        chart.show(at, lines, [newest.at / 1_000 - SHOWN_S, newest.at / 1_000]);
        for (const [index, { of }] of series.entries()) {
          const figure = of(newest);
          const value = values[index];
          if (value)
            setText(value, figure === null ? '–' : (isCount ? countText : rateText)(figure));
        }
      };
    });
  }

  /** @param {Figures} figures */
  add(figures) {
    let last = this.#history.at(-1);
    // The shop's clock was set back: what was drawn would be of the future.
    if (last !== undefined && last.at - figures.at > GAP_S * 1_000) {
      this.#history = [];
      last = undefined;
    }
    if (last !== undefined && figures.at <= last.at) return;
    if (last !== undefined && figures.at - last.at > GAP_S * 1_000) {
      this.#history.push({ at: last.at + 1 });
    }
    this.#history.push(figures);
    const begin = figures.at - SHOWN_S * 1_000;
    this.#history = this.#history.filter(({ at }) => at >= begin);
    for (const draw of this.#draws) draw(this.#history, figures);
  }
}

const parts = [
  'broker',
  'order',
  'stock',
  'payment',
  'coupon',
  'points',
  'push',
  'warehouse',
  'refund',
  'flashsale',
  'sync',
  'third-party',
];

const notKnown = 'not known';

/** Which service is up. */
export class Health {
  /** @type {Map<string, HTMLElement>} */
  #states = new Map();

  constructor() {
    const list = element('ul');
    for (const name of parts) {
      const state = element('span', { class: 'visually-hidden', text: notKnown });
      list.append(element('li', { 'data-part': name }, `${name} `, state));
      this.#states.set(name, state);
    }
    place('health').append(list);
  }

  /** Nobody says so any more: what was up may be down by now. */
  forget() {
    for (const state of this.#states.values()) {
      setText(state, notKnown);
      state.parentElement?.removeAttribute('data-state');
    }
  }

  /** @param {Figures} figures */
  show({ services, broker }) {
    for (const [name, state] of Object.entries({ ...services, broker })) {
      const shown = this.#states.get(name);
      if (shown === undefined) continue;
      setText(shown, state);
      shown.parentElement?.setAttribute('data-state', state);
    }
  }
}
