/** How many bytes of a connection are kept to tell what its peer speaks: as many as a frame's prefix has. */
export const OPENING_BYTES = 8;

/** A TLS record starts with its content type, handshake. No frame can: its length would exceed any cap. */
const TLS_HANDSHAKE = 0x16;

export function isTlsHandshake(opening: Buffer): boolean {
  return opening[0] === TLS_HANDSHAKE;
}

const HTTP_METHODS = [
  'GET ',
  'POST ',
  'PUT ',
  'HEAD ',
  'DELETE ',
  'OPTIONS ',
  'PATCH ',
  'CONNECT ',
  'TRACE ',
];

/**
 * What a peer that does not speak remoting tried instead, for the one log line of its refusal.
 * undefined when its first bytes look like nothing known.
 */
export function foreignProtocol(opening: Buffer): string | undefined {
  if (isTlsHandshake(opening)) return 'TLS; this port speaks plain remoting, turn TLS off';
  const text = opening.toString('latin1');
  if (text.startsWith('PRI * HT')) return 'HTTP/2 (gRPC?); this port speaks RocketMQ remoting';
  if (text.startsWith('PROXY ') || text.startsWith('\r\n\r\n\0\r\nQ')) {
    return 'the HAProxy PROXY preamble; switch it off for this port';
  }
  if (text.startsWith('SSH-')) return 'SSH';
  const method = HTTP_METHODS.find((candidate) => text.startsWith(candidate));
  return method && `HTTP/1 (${method.trim()}); this port speaks RocketMQ remoting`;
}
