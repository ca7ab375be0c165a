import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from '@jest/globals';
import { parseTranscript, replay } from './runner.ts';

/** A bound on a broken run: hours of a scenario take seconds. */
const TIMEOUT_MS = 120_000;

const here = readdirSync(import.meta.dirname);
const transcripts = here.filter((file) => file.endsWith('.txt')).toSorted();
const ownFile = /(\w+)-scenarios\.test\.ts$/;
/** What has a test file of its own, so that Jest can play it beside the others. */
const ownThemes = new Set(here.flatMap((file) => ownFile.exec(file)?.[1] ?? []));

/**
 * One test a transcript of the theme that `testFile` is named by, `pop-scenarios.test.ts` for one; for any other file, of all
 * themes without one. The theme of a transcript is the first word of its name.
 */
export function itReplays(testFile: string): void {
  const own = ownFile.exec(testFile)?.[1];
  const isMine = (theme: string): boolean =>
    own === undefined ? !ownThemes.has(theme) : theme === own;
  describe('a scenario', () => {
    for (const file of transcripts.filter((name) => isMine(/^\w+/.exec(name)![0]))) {
      const transcript = parseTranscript(
        file,
        readFileSync(join(import.meta.dirname, file), 'utf8'),
      );
      it(`${file}: ${transcript.title}`, () => replay(transcript), TIMEOUT_MS);
    }
  });
}
