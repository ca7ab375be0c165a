import { isIP } from 'node:net';

/** Whether only programs of this machine can reach a socket that listens on `host`. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  if (bare === 'localhost' || bare === '::1') return true;
  return /^(::ffff:)?127(\.\d{1,3}){3}$/.test(bare);
}

/**
 * What is wrong with listening on `host`, or undefined. Without authentication anyone who reaches the port
 * can read, write and reconfigure, so leaving this machine has to be asked for by name.
 */
export function bindProblem(host: string, allowNonLoopback: boolean): string | undefined {
  if (allowNonLoopback || isLoopback(host)) return undefined;
  return (
    `host ${JSON.stringify(host)} is reachable from other machines and there is no authentication: ` +
    'listen on 127.0.0.1, or set allowNonLoopback=true if the network is trusted'
  );
}

/**
 * What is wrong with the address settings that both servers have, or undefined. Of names only localhost will do: what
 * any other stands for is not known when the settings are checked.
 */
export function bindAddressProblem(config: {
  readonly bindAddress: string;
  readonly allowNonLoopback: boolean;
}): string | undefined {
  const { bindAddress, allowNonLoopback } = config;
  if (bindAddress !== 'localhost' && isIP(bindAddress) === 0) {
    return `bindAddress is ${JSON.stringify(bindAddress)}, not an IP address`;
  }
  const problem = bindProblem(bindAddress, allowNonLoopback);
  return problem === undefined ? undefined : `bindAddress: ${problem}`;
}
