import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';

const { resolve } = createRequire(import.meta.url);

/** A page's files lie beside the sources of the package, also when what tsc has made of them runs in `dist`. */
function packageDir(from: string): string {
  return existsSync(join(from, 'package.json')) ? from : packageDir(dirname(from));
}

const types = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
};

/** The charts of every page. */
const uplotFiles: Readonly<Record<string, string>> = {
  'uplot.css': resolve('uplot/dist/uPlot.min.css'),
  'uplot.js': resolve('uplot/dist/uPlot.iife.min.js'),
};

export interface PageFile {
  readonly text: string;
  readonly type: string;
}

export interface ReplyHeaders {
  header(name: string, value: string): unknown;
}

/** What a page consists of: the files of a folder of this package that are named, and uPlot. */
export class PageFiles {
  /** What may be asked for: never a path, only one of these names. */
  readonly names: readonly string[];
  readonly #dir: string;

  constructor(folder: string, names: readonly string[]) {
    this.names = [...names, ...Object.keys(uplotFiles)];
    this.#dir = join(packageDir(import.meta.dirname), folder);
  }

  /** Undefined for a file that the page does not have. */
  async find(name: string): Promise<PageFile | undefined> {
    if (!this.names.includes(name)) return undefined;
    const type = types[extname(name).slice(1) as keyof typeof types];
    return { text: await readFile(uplotFiles[name] ?? join(this.#dir, name), 'utf8'), type };
  }
}

/** The body of the answer, once its headers are set. */
export function answerWith({ text, type }: PageFile, reply: ReplyHeaders): string {
  reply.header('content-type', type);
  reply.header('x-content-type-options', 'nosniff');
  // Asked for again each time, so that a new release shows at once.
  reply.header('cache-control', 'no-cache');
  return text;
}
