import { crc32 } from 'node:zlib';

/** The body a peer gives the message with that key. */
function peerBody(key: string, size = 32): string {
  let body = key;
  while (body.length < size) body += String.fromCharCode(97 + (body.length % 26));
  return body;
}

export function peerBodyCrc32(key: string, size?: number): number {
  return crc32(peerBody(key, size));
}

/** The keys a peer gives `count` messages. */
export function peerKeys(count: number, prefix = 'k'): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`);
}
