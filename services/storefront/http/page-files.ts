import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const { resolve } = createRequire(import.meta.url);

/** The page's files lie beside the sources of the package, also when what tsc has made of them runs in `dist`. */
function packageDir(from: string): string {
  return existsSync(join(from, 'package.json')) ? from : packageDir(dirname(from));
}

const pageDir = join(packageDir(import.meta.dirname), 'storefront', 'page');

const html = 'text/html; charset=utf-8';
const css = 'text/css; charset=utf-8';
const script = 'text/javascript; charset=utf-8';

const files = {
  'index.html': { path: join(pageDir, 'index.html'), type: html },
  'shop.css': { path: join(pageDir, 'shop.css'), type: css },
  'shop.js': { path: join(pageDir, 'shop.js'), type: script },
  'uplot.css': { path: resolve('uplot/dist/uPlot.min.css'), type: css },
  'uplot.js': { path: resolve('uplot/dist/uPlot.iife.min.js'), type: script },
} as const;

export type PageFileName = keyof typeof files;
export const pageFileNames = Object.keys(files) as PageFileName[];

export interface PageFile {
  readonly text: string;
  readonly type: string;
}

/** Undefined for a file that the page does not have. */
export async function pageFile(name: string): Promise<PageFile | undefined> {
  const found = pageFileNames.find((each) => each === name);
  if (found === undefined) return undefined;
  const { path, type } = files[found];
  return { text: await readFile(path, 'utf8'), type };
}
