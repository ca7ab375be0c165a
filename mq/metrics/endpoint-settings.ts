import { isIP } from 'node:net';
import { integer, oneOf, text } from '../config-options.ts';
import { bindProblem } from '../remoting/bind-address.ts';

/** The settings of a server's HTTP endpoint, under the names that brokers of RocketMQ 5 have for it. */
export function endpointOptions(port: number) {
  return {
    metricsExporterType: oneOf(
      'DISABLE',
      ['DISABLE', 'PROM'],
      'PROM serves GET /metrics for Prometheus, /health/live and /health/ready over HTTP.',
    ),
    metricsPromExporterHost: text(
      '',
      'Address that endpoint listens on; empty: the same as bindAddress.',
    ),
    metricsPromExporterPort: integer(
      port,
      { min: 0, max: 65_535 },
      'Port of that endpoint; 0 takes a free one.',
    ),
  };
}

export interface EndpointSettings {
  readonly bindAddress: string;
  readonly allowNonLoopback: boolean;
  readonly metricsExporterType: 'DISABLE' | 'PROM';
  readonly metricsPromExporterHost: string;
  readonly metricsPromExporterPort: number;
}

export function endpointHost(settings: EndpointSettings): string {
  return settings.metricsPromExporterHost === ''
    ? settings.bindAddress
    : settings.metricsPromExporterHost;
}

/** What is wrong with them, or undefined. Who may reach the endpoint is told topics, groups and addresses of clients. */
export function endpointProblem(settings: EndpointSettings): string | undefined {
  const { metricsExporterType, metricsPromExporterHost: host, allowNonLoopback } = settings;
  if (metricsExporterType === 'DISABLE' || host === '') return undefined;
  if (host !== 'localhost' && isIP(host) === 0) {
    return `metricsPromExporterHost is ${JSON.stringify(host)}, not an IP address`;
  }
  const problem = bindProblem(host, allowNonLoopback);
  return problem === undefined ? undefined : `metricsPromExporterHost: ${problem}`;
}
