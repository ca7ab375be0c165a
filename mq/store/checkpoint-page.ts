import path from 'node:path';
import type { Files } from './files.ts';

/** One page, as the original maps its checkpoint files. */
const PAGE_BYTES = 4096;

/** Undefined when there is none, or less than a page of it. */
export function readPage(files: Files, file: string): Buffer | undefined {
  if ((files.sizeOf(file) ?? 0) < PAGE_BYTES) return undefined;
  const open = files.open(file, 'read');
  try {
    const page = Buffer.alloc(PAGE_BYTES);
    for (let at = 0; at < page.length;) {
      const count = open.readSync(page.subarray(at), at);
      if (count === 0) return undefined;
      at += count;
    }
    return page;
  } finally {
    open.close();
  }
}

/**
 * Writes what `change` puts onto the page, and resolves when it is flushed. What else is on the page belongs to the
 * original and is kept.
 *
 * Errors: what the disk says.
 */
export async function rewritePage(
  files: Files,
  file: string,
  change: (page: Buffer) => void,
): Promise<void> {
  const isNew = files.sizeOf(file) === undefined;
  const page = readPage(files, file) ?? Buffer.alloc(PAGE_BYTES);
  change(page);
  const open = files.open(file, 'write');
  try {
    for (let at = 0; at < page.length;) at += open.write(page.subarray(at), at);
    await open.datasync();
  } finally {
    open.close();
  }
  if (isNew) await files.syncDirectory(path.dirname(file));
}
