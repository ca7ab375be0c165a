import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Those that nobody has removed yet. */
const existing = new Set<string>();

/** Makes a directory that is gone when the process has exited, also if nobody removes it. A signal leaves it behind. */
export async function makeTemporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-'));
  if (existing.size === 0) process.once('exit', removeForgotten);
  existing.add(directory);
  return directory;
}

export async function removeTemporaryDirectory(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true, maxRetries: 3 });
  existing.delete(directory);
  if (existing.size === 0) process.off('exit', removeForgotten);
}

function removeForgotten(): void {
  for (const directory of existing) rmSync(directory, { recursive: true, force: true });
}
