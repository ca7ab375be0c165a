import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { expect, it } from '@jest/globals';
import { documents, files, textOf } from './documents.ts';

const root = resolve(import.meta.dirname, '..', '..');

/** What a heading is called in an address, as GitHub makes it. */
function anchorsOf(path: string): string[] {
  const prose = textOf(path).replaceAll(/^```.*?^```$/gms, '');
  return Array.from(prose.matchAll(/^#+ (.+)$/gm), ([, heading]) =>
    heading!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

it.each(documents)('%s leads to what there is', (document) => {
  const text = textOf(document);
  const links = Array.from(text.matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g));
  const broken = links.filter(([, path, anchor]) => {
    const target = path === '' ? document : join(dirname(document), path!);
    if (!existsSync(join(root, target))) return true;
    return anchor !== undefined && !anchorsOf(target).includes(anchor);
  });
  expect(broken.map(([link]) => link)).toEqual([]);
});

/** Whether it ends the path of a file that there is; `*` stands for any part of a name. */
function isThere(name: string): boolean {
  const pattern = name.replaceAll('.', '\\.').replaceAll('*', '[^/]*');
  const ending = new RegExp(`(?:^|/)${pattern}$`);
  return files.some((path) => ending.test(path));
}

it.each(documents)('%s names files that there are', (document) => {
  const text = textOf(document);
  const paths = /`((?:mq|services|infra|loadtest|test)\/[^`\s*{}<>…:]+)`/g;
  // Of sources the end of the path is enough: `order/application/pay-order.ts`.
  const sources = /`([\w./*-]+\.(?:ts|mjs|yml|txt|png))`/g;
  const named = [
    ...Array.from(text.matchAll(paths), ([, path]) => path!).filter(
      (path) => !existsSync(join(root, path)),
    ),
    ...Array.from(text.matchAll(sources), ([, path]) => path!).filter((path) => !isThere(path)),
  ];
  expect(named).toEqual([]);
});
