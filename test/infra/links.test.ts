import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { expect, it } from '@jest/globals';

const root = resolve(import.meta.dirname, '..', '..');
const parts = ['mq', 'services', 'infra', 'loadtest', 'test'];

/** The documents of the repository, from its top. */
const documents = [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  ...parts.flatMap((part) =>
    readdirSync(join(root, part), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.md') && !/(?:^|\/)(?:node_modules|dist)\//.test(path))
      .map((path) => join(part, path)),
  ),
];

const textOf = (path: string): string => readFileSync(join(root, path), 'utf8');

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

it.each(documents)('%s names files that there are', (document) => {
  const named = new RegExp(`\`((?:${parts.join('|')})/[^\`\\s*{}<>…:]+)\``, 'g');
  const paths = Array.from(textOf(document).matchAll(named), ([, path]) => path!);
  expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([]);
});
