import { join } from 'node:path';
import { readHexFile } from './hex-file.ts';

export type GoldenMaker = 'java-4.9.8' | 'java-5.5.0';

const directory = join(import.meta.dirname, '../interop/goldens');

/** What an official encoder made of the input in test/interop/goldens/Goldens.java, by title. */
export function readGoldens(maker: GoldenMaker): (title: string) => Buffer {
  const items = new Map(
    readHexFile(join(directory, `${maker}.hex`)).map(({ title, bytes }) => [title, bytes]),
  );
  return (title) => {
    const bytes = items.get(title);
    if (bytes === undefined) throw new Error(`${maker}.hex has no item "${title}"`);
    return bytes;
  };
}
