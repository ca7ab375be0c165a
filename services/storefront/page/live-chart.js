import { axisText } from './formats.js';

/** @type {typeof import('uplot')} A classic script has made it global: uPlot's module is three times as large. */
const UPlot = /** @type {any} */ (globalThis).uPlot;

/** @type {Set<LiveChart>} */
const drawn = new Set();
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  for (const chart of drawn) chart.redraw();
});

/** @param {string} name */
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/**
 * One that stands alone would not be seen: a line needs two.
 *
 * @param {import('uplot')} chart
 * @param {number} index
 */
function lonelyPoints(chart, index) {
  const values = chart.data[index] ?? [];
  const isGap = (/** @type {number} */ at) => values[at] === null || values[at] === undefined;
  return [...values.keys()].filter((at) => !isGap(at) && isGap(at - 1) && isGap(at + 1));
}

/**
 * @typedef {object} LiveSeries
 * @property {string} label
 * @property {string} colour The name of a custom property.
 * @property {readonly number[]} [dash]
 * @property {boolean} [isFilled]
 * @property {boolean} [isOnRight] Has the axis on the right: another unit.
 */

/** A chart of what happened of late, in a place whose size the style sheet decides. */
export class LiveChart {
  #chart;
  /** @type {[number, number]} */
  #span = [0, 1];

  /**
   * @param {HTMLElement} place
   * @param {readonly LiveSeries[]} series
   * @param {{ hasTimes?: boolean, floor?: number }} [options] `floor`: the least that the top of an axis stands for
   */
  constructor(place, series, { hasTimes = false, floor = 1 } = {}) {
    const font = '11px system-ui, sans-serif';
    const stroke = () => colour('--faint');
    const grid = { stroke: () => colour('--line'), width: 1 };
    const common = { stroke, grid, font, ticks: { show: false } };
    const values = (/** @type {unknown} */ _chart, /** @type {number[]} */ ticks) =>
      ticks.map((tick) => axisText(tick));
    /** @type {(chart: unknown, low: number | null, high: number | null) => [number, number]} */
    const fromZero = (_chart, _low, high) => [0, Math.max(floor, (high ?? 0) * 1.1)];
    const hasRight = series.some(({ isOnRight }) => isOnRight);
    this.#chart = new UPlot(
      {
        width: Math.max(1, place.clientWidth),
        height: Math.max(1, place.clientHeight),
        cursor: { show: false },
        legend: { show: false },
        padding: [6, hasRight ? 0 : 4, hasTimes ? 0 : 4, 0],
        scales: {
          x: { time: false, range: () => this.#span },
          y: { range: fromZero },
          ...(hasRight && { right: { range: fromZero } }),
        },
        axes: [
          {
            ...common,
            show: hasTimes,
            size: 22,
            space: 60,
            values: (_chart, ticks) => ticks.map((tick) => `${tick} s`),
          },
          { ...common, size: 38, gap: 4, space: 26, values },
          ...(hasRight
            ? [
                {
                  ...common,
                  scale: 'right',
                  side: /** @type {any} */ (1),
                  size: 42,
                  gap: 4,
                  space: 26,
                  grid: { show: false },
                  values,
                },
              ]
            : []),
        ],
        series: [
          {},
          ...series.map((each) => ({
            label: each.label,
            scale: each.isOnRight ? 'right' : 'y',
            stroke: () => colour(each.colour),
            width: 1.75,
            ...(each.dash !== undefined && { dash: [...each.dash] }),
            ...(each.isFilled && { fill: () => colour(`${each.colour}-wash`) }),
            points: { show: true, size: 4, filter: lonelyPoints },
          })),
        ],
      },
      [[], ...series.map(() => [])],
      place,
    );
    // A hidden place has no size; it comes with being shown.
    new ResizeObserver(([entry]) => {
      const { width = 0, height = 0 } = entry?.contentRect ?? {};
      if (width > 0 && height > 0) this.#chart.setSize({ width, height });
    }).observe(place);
    drawn.add(this);
  }

  /**
   * @param {readonly number[]} at In seconds, rising.
   * @param {readonly (readonly (number | null)[])[]} series
   * @param {[number, number]} span What the width stands for.
   */
  show(at, series, span) {
    this.#span = span;
    this.#chart.setData(/** @type {any} */ ([at, ...series]));
  }

  redraw() {
    this.#chart.redraw();
  }
}
