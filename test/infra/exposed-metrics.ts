import { mkdtemp, rm } from 'node:fs/promises';
import { readdirSync, readFileSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { startBroker, startNameServer } from '../../mq/server.ts';
import { exportClientMetrics } from '../../services/common/client-metrics.ts';
import { Metrics } from '../../services/common/metrics.ts';
import { FollowerMetrics } from '../../services/sync/follower/follower-metrics.ts';

export interface Exposed {
  readonly name: string;
  readonly type: string;
}

const watched = { metricsExporterType: 'PROM', metricsPromExporterPort: 0, listenPort: 0 } as const;

/** What a broker and a name server answer to `GET /metrics`. */
export async function metricsOfServers(): Promise<{ broker: string; nameServer: string }> {
  const storePathRootDir = await mkdtemp(join(os.tmpdir(), 'millrace-exposed-'));
  try {
    await using nameServer = await startNameServer({ kvConfigPath: '', ...watched });
    await using broker = await startBroker({
      storePathRootDir,
      namesrvAddr: nameServer.address,
      ...watched,
    });
    const get = async (address: string | undefined): Promise<string> =>
      (await fetch(`http://${address}/metrics`)).text();
    return {
      broker: await get(broker.metricsAddress),
      nameServer: await get(nameServer.metricsAddress),
    };
  } finally {
    await rm(storePathRootDir, { recursive: true, force: true });
  }
}

/** By the TYPE lines, which are there for every metric, those too that have no sample yet. */
export function exposedIn(text: string): Exposed[] {
  return [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => ({
    name: name!,
    type: type!,
  }));
}

/** What every service exposes, and what some of them do: by name in the source, where that is not made when asked. */
export async function metricsOfServices(): Promise<{ names: Set<string>; text: string }> {
  const metrics = new Metrics('a service');
  exportClientMetrics(metrics, { producers: () => [], consumers: () => [] });
  const text = await metrics.registry.metrics();
  const sync = new Metrics('sync');
  new FollowerMetrics(sync).watch(() => {
    throw new Error('nobody asks here');
  });
  const names = new Set(sync.registry.getMetricsAsArray().map(({ name }) => name));
  for (const { name } of exposedIn(text)) names.add(name);
  for (const path of readdirSync('services', { recursive: true, encoding: 'utf8' })) {
    if (!path.endsWith('.ts') || /^(dist|node_modules)\//.test(path)) continue;
    const source = readFileSync(join('services', path), 'utf8');
    const declared =
      /(?:name: |(?:gauge|counter|histogram)s?\(\s*)'((?:millrace|http)_[a-z0-9_]+)'/g;
    for (const [, name] of source.matchAll(declared)) names.add(name!);
  }
  return { names, text };
}
