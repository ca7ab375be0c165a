import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from '@jest/globals';
import { parseTranscript, replay } from './runner.ts';

/** A bound on a broken run: hours of a scenario take seconds. */
const TIMEOUT_MS = 120_000;

const files = readdirSync(import.meta.dirname).filter((file) => file.endsWith('.txt'));

describe('a scenario', () => {
  for (const file of files.toSorted()) {
    const transcript = parseTranscript(file, readFileSync(join(import.meta.dirname, file), 'utf8'));
    it(`${file}: ${transcript.title}`, () => replay(transcript), TIMEOUT_MS);
  }
});
