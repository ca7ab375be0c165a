import { formatHostPort, type HostAddress } from '../protocol/host-address.ts';
import type { Observation } from './findings.ts';

/** `protocol`: what the peer tried, as remoting describes it. One finding a host, however many ports it dials from. */
export function foreignProtocolFinding(protocol: string, remote: HostAddress): Observation {
  const peer = formatHostPort(remote);
  return {
    kind: 'FOREIGN_PROTOCOL',
    subject: `${remote.address} ${protocol}`,
    what: `${peer} dialled the remoting port and tried ${protocol}`,
    advice:
      'RocketMQ clients of the remoting kind connect here, without TLS; a client of the gRPC kind needs a RocketMQ ' +
      'Proxy, and health checks a plain TCP connect',
    addresses: [peer],
  };
}
