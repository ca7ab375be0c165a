import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One frame of test/interop/captures, as official peers put it on the wire. */
export interface CapturedFrame {
  /** File and line, for the message of a failing assertion. */
  where: string;
  /** The code of the request, also for its response; undefined when the request was not recorded. */
  requestCode: number | undefined;
  kind: 'request' | 'response';
  sender: 'client' | 'server';
  peer: 'nameserver' | 'broker';
  /** A response's own code. */
  status: number | undefined;
  bytes: Buffer;
}

const directory = join(import.meta.dirname, '../interop/captures');

/** Reads every frame of every capture file; the format is described at the head of each file. */
export function capturedFrames(): CapturedFrame[] {
  return readdirSync(directory)
    .filter((file) => file.endsWith('.hex'))
    .toSorted()
    .flatMap(readCaptureFile);
}

function readCaptureFile(file: string): CapturedFrame[] {
  const frames: CapturedFrame[] = [];
  const lines = readFileSync(join(directory, file), 'utf8').split('\n');
  for (const [index, line] of lines.entries()) {
    if (line.startsWith('@ ')) frames.push(readTitle(line, `${file}:${index + 1}`));
    else if (line !== '' && !line.startsWith('#')) {
      const frame = frames.at(-1)!;
      frame.bytes = Buffer.concat([frame.bytes, readHex(line)]);
    }
  }
  return frames;
}

function readTitle(line: string, where: string): CapturedFrame {
  const [, code, kind, sender, peer, status] = line.split(' ');
  return {
    where,
    requestCode: code === '-' ? undefined : Number(code),
    kind: kind as CapturedFrame['kind'],
    sender: sender as CapturedFrame['sender'],
    peer: peer as CapturedFrame['peer'],
    status: status === undefined ? undefined : Number(status),
    bytes: Buffer.alloc(0),
  };
}

function readHex(line: string): Buffer {
  return Buffer.from(line.split('|')[0]!.replaceAll(' ', ''), 'hex');
}
