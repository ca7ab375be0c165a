import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** An input that was once too much for its target; its file is kept as a test. */
export interface FoundInput {
  target: string;
  input: Buffer;
}

const LINE_CHARS = 96;

/** Writes an input that was found as a file that can be read, reviewed and committed. Returns its path. */
export function writeFound(directory: string, { target, input }: FoundInput, what: string): string {
  mkdirSync(directory, { recursive: true });
  const name = createHash('sha256').update(input).digest('hex').slice(0, 12);
  const path = join(directory, `${target.replaceAll(' ', '-')}-${name}.hex`);
  const firstLine = what.split('\n')[0]?.slice(0, 200) ?? '';
  const lines = input.toString('hex').match(new RegExp(`.{1,${LINE_CHARS}}`, 'g')) ?? [];
  writeFileSync(path, [`# ${firstLine}`, `target ${target}`, ...lines, ''].join('\n'));
  return path;
}

/** Errors: naming the file, when it is not one that `writeFound` wrote. */
export function readFound(path: string): FoundInput {
  const lines = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  const target = /^target (.+)$/.exec(lines[0] ?? '')?.[1];
  if (target === undefined) throw new Error(`${path} does not begin with the line "target NAME"`);
  return { target, input: Buffer.from(lines.slice(1).join(''), 'hex') };
}

export function foundFiles(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith('.hex'))
    .map((name) => join(directory, name));
}
