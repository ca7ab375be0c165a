import { gauge, type Metric } from '../metrics/exposition.ts';
import type { Watched } from '../metrics/server-endpoint.ts';
import type { Connection } from '../remoting/connection.ts';
import type { RouteInfo } from './route-info.ts';

/** What a name server says of itself to those who watch it. It needs nobody else, so it is ready when it listens. */
export function watchedNameServer(
  routes: RouteInfo,
  connections: () => Iterable<Connection>,
): Watched {
  return {
    metrics: () => metrics(routes, connections),
    parts: () => ({ listener: { status: 'up' } }),
  };
}

function metrics(routes: RouteInfo, connections: () => Iterable<Connection>): Metric[] {
  const clusters = [...routes.clusterInfo().clusterAddrTable];
  return [
    gauge(
      'millrace_namesrv_brokers',
      'Brokers registered, by cluster; a master and its slaves count as one',
      clusters.map(([cluster, names]) => ({ labels: { cluster }, value: names.length })),
    ),
    gauge('millrace_namesrv_topics', 'Topics that have a route', routes.topics().length),
    gauge('millrace_connections', 'Open connections', [...connections()].length),
  ];
}
