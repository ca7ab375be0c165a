import { Writable } from 'node:stream';
import { Log } from '../../services/common/log.ts';

/** A real Log that writes into memory; `lines` parses what was written so far. */
export function recordingLog(): { log: Log; lines: () => Record<string, unknown>[] } {
  const written: string[] = [];
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      written.push(chunk.toString());
      done();
    },
  });
  const lines = (): Record<string, unknown>[] =>
    written
      .join('')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { log: Log.toStdout('test', 'debug', destination), lines };
}
