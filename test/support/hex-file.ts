import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

/** One item of a .hex fixture: a title line `@ …`, then lines of hex with a gutter behind `|` for the eye. */
export interface HexItem {
  title: string;
  /** File and line, for the message of a failing assertion. */
  where: string;
  bytes: Buffer;
}

export function readHexFile(path: string): HexItem[] {
  const items: { title: string; where: string; hex: string[] }[] = [];
  for (const [index, line] of readFileSync(path, 'utf8').split('\n').entries()) {
    if (line.startsWith('@ ')) {
      items.push({ title: line.slice(2), where: `${basename(path)}:${index + 1}`, hex: [] });
    } else if (line !== '' && !line.startsWith('#')) {
      items.at(-1)!.hex.push(line.split('|')[0]!.replaceAll(' ', ''));
    }
  }
  return items.map(({ title, where, hex }) => ({
    title,
    where,
    bytes: Buffer.from(hex.join(''), 'hex'),
  }));
}
