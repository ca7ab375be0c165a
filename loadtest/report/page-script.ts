/**
 * What draws the charts in the reader's browser, as text: it runs there, beside uPlot, and nowhere else. It finds the charts
 * as JSON in the page, and a `.chart` for each.
 *
 * A percentile p is drawn at log10(100 / (100 - p)): 90 at 1, 99 at 2, 99.9 at 3. 100 has no place there and stands at the
 * right edge.
 */
export const pageScript = `
'use strict';
(() => {
  const charts = JSON.parse(document.getElementById('charts').textContent);
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const height = () => Math.max(240, Math.min(340, window.innerHeight * 0.45));
  const nines = (percentile) => (percentile >= 100 ? null : Math.log10(100 / (100 - percentile)));
  const number = new Intl.NumberFormat('en', { maximumSignificantDigits: 4 });
  const format = (value) => (value == null ? '–' : number.format(value));
  const percent = (value) =>
    value == null ? '–' : Number((100 - 100 / 10 ** value).toFixed(4)) + ' %';

  function place(percentiles) {
    const edge = Math.max(...percentiles.map(nines).filter((value) => value !== null)) + 0.5;
    return percentiles.map((percentile) => nines(percentile) ?? edge);
  }

  function optionsOf(chart, element) {
    const isTime = chart.kind === 'time';
    const isBars = chart.kind === 'bars';
    const label = (index) => chart.labels[index] ?? '';
    const text = css('--quiet');
    const axis = { stroke: text, grid: { stroke: css('--grid'), width: 1 }, ticks: { stroke: css('--grid') } };
    return {
      width: Math.max(200, element.clientWidth),
      height: height(),
      cursor: isTime ? { sync: { key: 'seconds' } } : {},
      scales: { x: { time: false, ...(isBars ? { range: () => [-0.6, chart.x.length - 0.4] } : {}) }, y: chart.isLogarithmic ? { distr: 3 } : { range: (u, min, max) => [Math.min(0, min), max > 0 ? max * 1.06 : 1] } },
      axes: [
        isBars
          ? { ...axis, rotate: -40, size: 120, splits: () => chart.x, values: (u, ticks) => ticks.map(label) }
          : isTime
          ? { ...axis, values: (u, ticks) => ticks.map((tick) => format(tick) + ' s') }
          : { ...axis, splits: () => [0, 1, 2, 3, 4, 5].map((each) => each), values: (u, ticks) => ticks.map(percent) },
        {
          ...axis,
          size: 64,
          values: (u, ticks) => ticks.map((tick) => (tick === null ? null : format(tick))),
        },
      ],
      series: [
        {
          label: isBars ? 'case' : isTime ? 'second' : 'percentile',
          value: (u, value) => (isBars ? label(value) : isTime ? format(value) : percent(value)),
        },
        ...chart.lines.map((line, index) => {
          const colour = line.colour === 'bad' ? css('--bad') : css('--c' + ((line.colour ?? index) % 8));
          return {
            label: line.label,
            stroke: colour,
            width: line.look === 'wanted' ? 1.5 : 2,
            dash: line.look === 'wanted' ? [6, 4] : undefined,
            fill: line.look === 'area' ? colour + '2e' : undefined,
            ...(isBars
              ? {
                  fill: colour,
                  // The bars of two lines stand to the left and to the right of their label.
                  paths: uPlot.paths.bars({ size: [0.7 / chart.lines.length, 60], align: chart.lines.length === 1 ? 0 : index === 0 ? -1 : 1 }),
                }
              : {}),
            points: { show: !isBars && chart.x.length < 3 },
            value: (u, value) => format(value) + (value == null ? '' : ' ' + chart.unit),
          };
        }),
      ],
    };
  }

  const drawn = [...document.querySelectorAll('.chart')].map((element, index) => {
    const chart = charts[index];
    const data = [chart.kind === 'percentile' ? place(chart.x) : chart.x, ...chart.lines.map((line) => line.values)];
    let plot;
    const draw = () => {
      plot?.destroy();
      plot = new uPlot(optionsOf(chart, element), data, element);
    };
    draw();
    new ResizeObserver(() => {
      if (element.clientWidth > 0 && element.clientWidth !== plot.width) plot.setSize({ width: element.clientWidth, height: height() });
    }).observe(element);
    return draw;
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => drawn.forEach((draw) => draw()));
})();
`;
