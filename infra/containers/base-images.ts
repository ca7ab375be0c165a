import { run } from './engine.ts';

/** What the image is made of, and what runs beside it. */
export const baseImages = ['node:24-bookworm-slim', 'mariadb:10.11', 'redis:7'];

/** Undefined when all are there or could be fetched, else why not. */
export async function baseImageProblem(say: (words: string) => void): Promise<string | undefined> {
  for (const image of baseImages) {
    if ((await run('docker', ['image', 'inspect', image])).code === 0) continue;
    say(`docker pull ${image}`);
    const pull = await run('docker', ['pull', image]);
    if (pull.code !== 0) return `${image} is not there and cannot be fetched: ${pull.text.trim()}`;
  }
  return undefined;
}
