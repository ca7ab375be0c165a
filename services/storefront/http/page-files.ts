import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';

const { resolve } = createRequire(import.meta.url);

/** The page's files lie beside the sources of the package, also when what tsc has made of them runs in `dist`. */
function packageDir(from: string): string {
  return existsSync(join(from, 'package.json')) ? from : packageDir(dirname(from));
}

const pageDir = join(packageDir(import.meta.dirname), 'storefront', 'page');

const types = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
};

const uplotFiles: Readonly<Record<string, string>> = {
  'uplot.css': resolve('uplot/dist/uPlot.min.css'),
  'uplot.js': resolve('uplot/dist/uPlot.iife.min.js'),
};

/** What may be asked for: never a path, only one of these names. */
export const pageFileNames: readonly string[] = [
  'index.html',
  'page.css',
  'catalogue.js',
  'dead-letters.js',
  'elements.js',
  'figures.js',
  'flash-sale.js',
  'formats.js',
  'live-chart.js',
  'live-stream.js',
  'main.js',
  'order-card.js',
  'order-form.js',
  'order-memory.js',
  'orders.js',
  'queue-tables.js',
  'requests.js',
  'sortable-table.js',
  'switches.js',
  'tabs.js',
  'timeline.js',
  ...Object.keys(uplotFiles),
];

export interface PageFile {
  readonly text: string;
  readonly type: string;
}

/** Undefined for a file that the page does not have. */
export async function pageFile(name: string): Promise<PageFile | undefined> {
  if (!pageFileNames.includes(name)) return undefined;
  const type = types[extname(name).slice(1) as keyof typeof types];
  return { text: await readFile(uplotFiles[name] ?? join(pageDir, name), 'utf8'), type };
}
