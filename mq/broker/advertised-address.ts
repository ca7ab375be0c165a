import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { MqError } from '../errors.ts';
import { externalAddress } from '../remoting/external-address.ts';
import type { BrokerConfig } from './config.ts';

/**
 * The address clients are told to dial: brokerIP1, else the one listened on, else this machine's first IPv4 address
 * that others can reach. Always an IP address, because it becomes part of every stored record and message id.
 *
 * Errors: CONFIG_INVALID when brokerIP1 is a name that does not resolve.
 */
export async function advertisedAddress(config: BrokerConfig): Promise<string> {
  const wanted = config.brokerIP1 === '' ? config.bindAddress : config.brokerIP1;
  if (wanted === '0.0.0.0' || wanted === '::') return externalAddress();
  if (isIP(wanted) !== 0) return wanted;
  try {
    // IPv4 first: C++ and Node clients cannot decode records with IPv6 hosts.
    const [first] = (await lookup(wanted, { all: true })).sort((a, b) => a.family - b.family);
    if (first !== undefined) return first.address;
  } catch (cause) {
    throw new MqError('CONFIG_INVALID', `brokerIP1 ${wanted} does not resolve to an address`, {
      cause,
    });
  }
  throw new MqError('CONFIG_INVALID', `brokerIP1 ${wanted} has no address`);
}
