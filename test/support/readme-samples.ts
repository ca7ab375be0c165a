import { readFile } from 'node:fs/promises';

const readme = (): Promise<string> =>
  readFile(new URL('../../mq/README.md', import.meta.url), 'utf8');

const samplesIn = (text: string): string[] =>
  Array.from(text.matchAll(/^```ts\n(.*?)^```$/gms), ([, sample]) => sample!);

/** The TypeScript samples of mq/README.md, as they are written. */
export async function allSamples(): Promise<string[]> {
  return samplesIn(await readme());
}

/** Those under one heading. */
export async function samplesOf(heading: string): Promise<string[]> {
  const section = (await readme()).split(/^## /m).find((text) => text.startsWith(`${heading}\n`));
  return samplesIn(section!);
}

/** The first of them. */
export async function sampleOf(heading: string): Promise<string> {
  return (await samplesOf(heading))[0]!;
}
