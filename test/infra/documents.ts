import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..', '..');
const parts = ['mq', 'services', 'infra', 'loadtest', 'test'];
const isForeign = /(?:^|\/)(?:node_modules|dist)\//;

/** Files of ours outside of the top level, by their paths from there. */
export const files: readonly string[] = parts.flatMap((part) =>
  readdirSync(join(root, part), { recursive: true, encoding: 'utf8' })
    .filter((path) => !isForeign.test(path))
    .map((path) => join(part, path)),
);

/** The documents of the repository, from its top. */
export const documents: readonly string[] = [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  ...files.filter((path) => path.endsWith('.md')),
];

export const textOf = (document: string): string => readFileSync(join(root, document), 'utf8');
