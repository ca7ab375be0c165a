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
