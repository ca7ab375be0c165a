import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readHexFile, type HexItem } from './hex-file.ts';

/** One frame of test/interop/captures, as official peers put it on the wire. */
export interface CapturedFrame {
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

/** Every frame of every capture file, in the order recorded; the title line is explained in each file's head. */
export function capturedFrames(): CapturedFrame[] {
  return readdirSync(directory)
    .filter((file) => file.endsWith('.hex'))
    .toSorted()
    .flatMap((file) => readHexFile(join(directory, file)).map(toFrame));
}

function toFrame({ title, where, bytes }: HexItem): CapturedFrame {
  const [code, kind, sender, peer, status] = title.split(' ');
  return {
    where,
    requestCode: code === '-' ? undefined : Number(code),
    kind: kind as CapturedFrame['kind'],
    sender: sender as CapturedFrame['sender'],
    peer: peer as CapturedFrame['peer'],
    status: status === undefined ? undefined : Number(status),
    bytes,
  };
}
