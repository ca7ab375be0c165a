import { networkInterfaces } from 'node:os';

/** This machine's first IPv4 address that others may reach it at; 127.0.0.1 when it has none. */
export function externalAddress(): string {
  const external = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find((address) => !address.internal && address.family === 'IPv4');
  return external?.address ?? '127.0.0.1';
}
