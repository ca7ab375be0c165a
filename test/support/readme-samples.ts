import { readFile } from 'node:fs/promises';

/** The TypeScript samples under a heading of mq/README.md, as they are written. */
export async function samplesOf(heading: string): Promise<string[]> {
  const readme = await readFile(new URL('../../mq/README.md', import.meta.url), 'utf8');
  const section = readme.split(/^## /m).find((text) => text.startsWith(`${heading}\n`));
  return Array.from(section!.matchAll(/^```ts\n(.*?)^```$/gms), ([, sample]) => sample!);
}

/** The first of them. */
export async function sampleOf(heading: string): Promise<string> {
  return (await samplesOf(heading))[0]!;
}
