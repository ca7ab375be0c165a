/* The report's page: asks for the figures, shows them, and says so when there are none. */
(() => {
  const REFRESH_MS = 10_000;
  const ANSWER_TIMEOUT_MS = 30_000;
  const CHART_HEIGHT_PX = 240;

  const byId = (id) => document.getElementById(id);
  const whole = new Intl.NumberFormat();
  const percent = new Intl.NumberFormat(undefined, { style: 'percent', maximumFractionDigits: 1 });
  const charts = new Map();
  const width = new ResizeObserver((entries) => {
    for (const { target, contentRect } of entries) {
      charts.get(target.id)?.setSize({ width: contentRect.width, height: CHART_HEIGHT_PX });
    }
  });

  /** Minor units as the currency writes them: some have no cents, some have three digits of them. */
  function moneyFormat(currency, options = {}) {
    if (currency === undefined) return (minor) => whole.format(minor);
    const usual = new Intl.NumberFormat(undefined, { style: 'currency', currency });
    const unit = 10 ** usual.resolvedOptions().maximumFractionDigits;
    const format = new Intl.NumberFormat(undefined, { style: 'currency', currency, ...options });
    return (minor) => format.format(minor / unit);
  }

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  function draw(id, times, series, format, axisFormat = format) {
    const place = byId(id);
    const data = [times, ...series.map(({ values }) => values)];
    const drawn = charts.get(id);
    if (drawn !== undefined) {
      drawn.setData(data);
      return;
    }
    const axis = {
      stroke: () => colour('--faint'),
      grid: { stroke: () => colour('--line'), width: 1 },
      ticks: { stroke: () => colour('--line'), width: 1 },
    };
    const options = {
      width: place.clientWidth,
      height: CHART_HEIGHT_PX,
      scales: { y: { range: (_chart, _low, high) => [0, high > 0 ? high * 1.1 : 1] } },
      axes: [
        axis,
        { ...axis, size: 72, values: (_chart, ticks) => ticks.map((tick) => axisFormat(tick)) },
      ],
      series: [
        {},
        ...series.map(({ label, stroke, dash }) => ({
          label,
          stroke: () => colour(stroke),
          width: 2,
          dash,
          value: (_chart, value) => (value === null || value === undefined ? '–' : format(value)),
        })),
      ],
    };
    charts.set(id, new uPlot(options, data, place));
    width.observe(place);
  }

  function showTotals(totals, sales, money) {
    const placed = sales.reduce((sum, sale) => sum + sale.placedCount, 0);
    const paid = sales.reduce((sum, sale) => sum + sale.paidCount, 0);
    const figures = [
      ['Orders', whole.format(totals.placedCount)],
      ['Paid', whole.format(totals.paidCount)],
      ['Revenue', money(totals.revenueMinor)],
      ['Refund rate', totals.refundRate === undefined ? '–' : percent.format(totals.refundRate)],
      ['Conversion of sales', placed === 0 ? '–' : percent.format(paid / placed)],
    ];
    byId('totals').replaceChildren(
      ...figures.map(([name, value]) => {
        const [box, term, figure] = ['div', 'dt', 'dd'].map((tag) => document.createElement(tag));
        term.textContent = name;
        figure.textContent = value;
        box.append(term, figure);
        return box;
      }),
    );
  }

  function showSales(sales) {
    byId('no-sales').hidden = sales.length > 0;
    byId('sales').hidden = sales.length === 0;
    byId('sales').tBodies[0].replaceChildren(
      ...sales.map(({ saleId, placedCount, paidCount, closedCount, conversion }) => {
        const row = document.createElement('tr');
        const counts = [placedCount, paidCount, closedCount].map((count) => whole.format(count));
        for (const text of [saleId, ...counts]) row.insertCell().textContent = text;
        const meter = document.createElement('meter');
        meter.value = conversion;
        row.insertCell().append(meter, percent.format(conversion));
        return row;
      }),
    );
  }

  function show({ hours, totals, sales, currency, lastChangeAt }) {
    byId('problem').hidden = true;
    // Shown before it is drawn in: a hidden place has no width.
    byId('report').hidden = false;
    const money = moneyFormat(currency);
    const times = hours.map(({ at }) => Date.parse(at) / 1_000);
    showTotals(totals, sales, money);
    byId('currency').textContent = currency === undefined ? '' : `, ${currency}`;
    draw(
      'orders',
      times,
      [
        { label: 'placed', stroke: '--first', values: hours.map((hour) => hour.placedCount) },
        {
          label: 'paid',
          stroke: '--second',
          dash: [6, 3],
          values: hours.map((hour) => hour.paidCount),
        },
      ],
      (count) => whole.format(count),
    );
    draw(
      'revenue',
      times,
      [
        { label: 'revenue', stroke: '--second', values: hours.map((hour) => hour.revenueMinor) },
        {
          label: 'refunded',
          stroke: '--third',
          dash: [6, 3],
          values: hours.map((hour) => hour.refundMinor),
        },
      ],
      money,
      moneyFormat(currency, { notation: 'compact' }),
    );
    draw(
      'refunds',
      times,
      [
        {
          label: 'refunded of earned',
          stroke: '--third',
          values: hours.map(({ revenueMinor, refundMinor }) =>
            revenueMinor === 0 ? null : refundMinor / revenueMinor,
          ),
        },
      ],
      (rate) => percent.format(rate),
    );
    showSales(sales);
    const last =
      lastChangeAt === undefined
        ? 'no change since its snapshot'
        : `last change in it ${new Date(lastChangeAt).toLocaleString()}`;
    byId('freshness').textContent = `From the copy: ${last}`;
  }

  function showProblem(text) {
    byId('problem').textContent = text;
    byId('problem').hidden = false;
    const state = byId('report').hidden ? 'No figures.' : 'These figures are not up to date.';
    byId('freshness').textContent = `${state} The next try is in ${REFRESH_MS / 1_000} s.`;
  }

  let isLoading = false;
  let isOutdated = false;

  async function load() {
    // An answer that takes longer than the pause is waited for; to ask again meanwhile would make it later still.
    if (isLoading) return;
    isLoading = true;
    isOutdated = false;
    try {
      const answer = await fetch(`reports/data?hours=${byId('period').value}`, {
        signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
      });
      const body = await answer.json();
      if (answer.ok) show(body);
      else showProblem(`There is no report: ${body.detail ?? answer.statusText}.`);
    } catch (error) {
      showProblem(`The service does not answer (${error.name}).`);
    } finally {
      isLoading = false;
    }
    if (isOutdated) await load();
  }

  byId('period').addEventListener('change', () => {
    isOutdated = true;
    void load();
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    for (const chart of charts.values()) chart.redraw();
  });
  setInterval(() => {
    if (!document.hidden) void load();
  }, REFRESH_MS);
  void load();
})();
