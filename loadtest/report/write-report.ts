import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from './page.ts';
import { renderPage } from './render-page.ts';

/** Writes `<directory>/<scenario>-2026-11-30T114500Z.html` and returns its path: sorted by name they are in order of time. */
export async function writeReport(
  page: Page,
  { directory, scenario, date }: { directory: string; scenario: string; date: Date },
): Promise<string> {
  const stamp = date
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replaceAll(':', '');
  const path = join(directory, `${scenario}-${stamp}.html`);
  await mkdir(directory, { recursive: true });
  await writeFile(path, renderPage(page));
  return path;
}
