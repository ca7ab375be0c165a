import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pageScript } from './page-script.ts';
import { pageStyle } from './page-style.ts';
import type { Cell, Chart, Page, Section, Table } from './page.ts';

const number = new Intl.NumberFormat('en', { maximumFractionDigits: 2 });

/** One HTML file with everything in it: it opens without a network, today and in ten years. */
export function renderPage(page: Page): string {
  const charts = page.sections.flatMap((section) => section.charts ?? []);
  const { text, isGood } = page.verdict;
  const facts = page.facts
    .map(([name, value]) => `<dt>${escaped(name)}</dt><dd>${escaped(value)}</dd>`)
    .join('\n');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(page.title)}</title>
<style>${asset('uPlot.min.css')}${pageStyle}</style>
</head>
<body>
<h1>${escaped(page.title)}</h1>
<p class="verdict ${isGood ? 'good' : 'bad'}">${isGood ? '✓' : '✗'} ${escaped(text)}</p>
<dl class="facts">
${facts}
</dl>
${page.sections.map((section) => sectionHtml(section)).join('\n')}
<script type="application/json" id="charts">${json(charts)}</script>
<script>${asset('uPlot.iife.min.js')}</script>
<script>${pageScript}</script>
</body>
</html>
`;
}

function sectionHtml({ heading, text, tables = [], charts = [] }: Section): string {
  const parts = [`<h2>${escaped(heading)}</h2>`];
  if (text !== undefined) parts.push(`<p>${escaped(text)}</p>`);
  if (charts.length > 0) {
    parts.push(`<div class="charts">${charts.map((chart) => chartHtml(chart)).join('\n')}</div>`);
  }
  for (const table of tables) parts.push(tableHtml(table));
  return `<section>\n${parts.join('\n')}\n</section>`;
}

function tableHtml({ head, rows }: Table): string {
  const isNumber = head.map((_, column) => rows.some((row) => typeof row[column] === 'number'));
  const headCells = head.map(
    (name, column) => `<th${classOf(isNumber[column])}>${escaped(name)}</th>`,
  );
  const body = rows.map(
    (row) => `<tr>${row.map((cell, column) => cellHtml(cell, isNumber[column])).join('')}</tr>`,
  );
  return `<div class="scroll"><table class="figures">
<thead><tr>${headCells.join('')}</tr></thead>
<tbody>${body.join('\n')}</tbody>
</table></div>`;
}

function cellHtml(cell: Cell, isNumber: boolean | undefined): string {
  if (typeof cell === 'number') return `<td class="number">${number.format(cell)}</td>`;
  if (typeof cell === 'string') return `<td${classOf(isNumber)}>${escaped(cell)}</td>`;
  const mark = cell.isGood ? '✓' : '✗';
  return `<td class="${cell.isGood ? 'good' : 'bad'}">${mark} ${escaped(cell.text)}</td>`;
}

function chartHtml({ title, note, unit }: Chart): string {
  const under = note === undefined ? unit : `${unit}. ${note}`;
  return `<figure>
<figcaption><strong>${escaped(title)}</strong><span>${escaped(under)}</span></figcaption>
<div class="chart" role="img" aria-label="${escaped(title)}"></div>
</figure>`;
}

function classOf(isNumber: boolean | undefined): string {
  return isNumber === true ? ' class="number"' : '';
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** In a script element only `<` can end it. Numbers to three decimals: more is not seen, and makes the file larger. */
function json(charts: readonly Chart[]): string {
  const text = JSON.stringify(charts, (_, value: unknown) =>
    typeof value === 'number' ? Math.round(value * 1_000) / 1_000 : value,
  );
  return text.replaceAll('<', String.raw`\u003c`);
}

const require = createRequire(import.meta.url);

/** Of uPlot. Its text holds no `</script` or `</style`; should that change, the page must not be made. */
function asset(name: string): string {
  const text = readFileSync(require.resolve(`uplot/dist/${name}`), 'utf8');
  if (/<\/(?:script|style)/i.test(text)) throw new Error(`${name} of uPlot cannot be inlined`);
  return text;
}
