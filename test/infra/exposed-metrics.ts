import { mkdtemp, rm } from 'node:fs/promises';
import { readdirSync, readFileSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import type { Registry } from 'prom-client';
import { Producer, PushConsumer, TransactionProducer } from '../../mq/index.ts';
import { startBroker, startNameServer } from '../../mq/server.ts';
import { exportClientMetrics } from '../../services/common/client-metrics.ts';
import { ConsumerLag } from '../../services/common/consumer-lag.ts';
import { Metrics } from '../../services/common/metrics.ts';
import { Pace } from '../../services/flashsale/domain/pace.ts';
import { KeeperMetrics } from '../../services/flashsale/keeper/keeper-metrics.ts';
import { PaymentMetrics } from '../../services/payment/application/payment-metrics.ts';
import { FollowerMetrics } from '../../services/sync/follower/follower-metrics.ts';
import { until } from '../support/deadline.ts';

export interface ExposedMetric {
  readonly name: string;
  readonly type: string;
  /** Those that its samples may have, without the `le` of buckets. */
  readonly labels: ReadonlySet<string>;
}

/** What the processes of the shop answer to `GET /metrics`, when each number has something to tell of. */
export interface ExposedMetrics {
  readonly broker: string;
  readonly nameServer: string;
  /** What every service exposes. */
  readonly service: string;
  /** That, and what single services do. */
  readonly ofServices: readonly ExposedMetric[];
}

const watched = { metricsExporterType: 'PROM', metricsPromExporterPort: 0, listenPort: 0 } as const;

export async function exposedMetrics(): Promise<ExposedMetrics> {
  const storePathRootDir = await mkdtemp(join(os.tmpdir(), 'millrace-exposed-'));
  try {
    await using nameServer = await startNameServer({ kvConfigPath: '', ...watched });
    const namesrvAddr = nameServer.address;
    await using broker = await startBroker({
      storePathRootDir,
      namesrvAddr,
      autoCreateTopicEnable: true,
      ...watched,
    });
    await using producer = new Producer({ namesrvAddr, producerGroup: 'sellers' });
    await producer.send({ topic: 'Orders', body: 'an order' });
    await using payers = new TransactionProducer({
      namesrvAddr,
      producerGroup: 'payers',
      checkLocalTransaction: () => 'UNKNOW',
    });
    const paid = { topic: 'Orders', body: 'paid' };
    await payers.sendMessageInTransaction(paid, () => 'COMMIT_MESSAGE');
    await using consumer = new PushConsumer({
      namesrvAddr,
      consumerGroup: 'buyers',
      consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
    });
    consumer.subscribe('Orders').onMessage(() => 'CONSUME_SUCCESS');
    await consumer.start();
    const servers = await until(
      async () => {
        const scraped = await scrape(broker.metricsAddress, nameServer.metricsAddress);
        const silent = silentIn(scraped.broker) + silentIn(scraped.nameServer);
        return silent === '' ? scraped : undefined;
      },
      { timeoutMs: 30_000, what: 'a sample of each metric of broker and name server' },
    );
    return {
      ...servers,
      ...(await metricsOfServices({
        producers: () => [{ producer: 'plain', metrics: producer.metrics() }],
        consumers: () => [
          { topic: 'Orders', consumerGroup: 'buyers', metrics: consumer.metrics() },
        ],
      })),
    };
  } finally {
    await rm(storePathRootDir, { recursive: true, force: true });
  }
}

async function scrape(broker: string | undefined, nameServer: string | undefined) {
  const get = async (address: string | undefined): Promise<string> =>
    (await fetch(`http://${address}/metrics`)).text();
  return { broker: await get(broker), nameServer: await get(nameServer) };
}

/** Metrics without any sample. */
function silentIn(text: string): string {
  const silent = exposedIn(text).filter(
    ({ name }) => !new RegExp(`^${name}(_count)?[ {]`, 'm').test(text),
  );
  return silent.map(({ name }) => name).join(' ');
}

/** By the TYPE lines, which are there for every metric, those too that have no sample yet. */
export function exposedIn(text: string): ExposedMetric[] {
  const metrics = new Map<string, { name: string; type: string; labels: Set<string> }>();
  for (const line of text.split('\n')) {
    const [, name, type] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? [];
    if (name !== undefined) metrics.set(name, { name, type: type!, labels: new Set() });
    const [, sample, set] = /^([a-z_]+)\{(.*)\} \S+$/.exec(line) ?? [];
    if (sample === undefined) continue;
    const metric = metrics.get(sample) ?? metrics.get(sample.replace(/_(bucket|count|sum)$/, ''));
    for (const [, label] of set!.matchAll(/(\w+)="(?:[^"\\]|\\.)*"/g)) {
      if (label !== 'le') metric!.labels.add(label!);
    }
  }
  return [...metrics.values()];
}

async function metricsOfServices(
  client: Parameters<typeof exportClientMetrics>[1],
): Promise<Pick<ExposedMetrics, 'service' | 'ofServices'>> {
  const every = new Metrics('a service');
  exportClientMetrics(every, client);
  const service = await every.registry.metrics();
  const ofServices = new Map(exposedIn(service).map((metric) => [metric.name, metric]));
  for (const { name, type, labels } of [
    ...declaredIn(every.registry),
    ...partsOfServices.flatMap(declaredBy),
  ]) {
    const sampled = ofServices.get(name);
    ofServices.set(name, {
      name,
      type: sampled?.type ?? type,
      labels: new Set([...labels, ...(sampled?.labels ?? [])]),
    });
  }
  for (const { name, isPlainGauge } of namedInSources()) {
    if (ofServices.has(name)) continue;
    if (!isPlainGauge) throw new Error(`${name} may have labels: have it made here, to tell which`);
    ofServices.set(name, { name, type: 'gauge', labels: new Set(['service']) });
  }
  return { service, ofServices: [...ofServices.values()] };
}

/** What single services count beside what every one does. */
const partsOfServices: readonly ((metrics: Metrics) => unknown)[] = [
  (metrics) => new ConsumerLag({ namesrvAddr: '', health: { consumers: () => [] }, metrics }),
  (metrics) =>
    new KeeperMetrics(metrics, new Pace({ batchCount: 1, ordersPerS: 0, targetBatchMs: 1 })),
  (metrics) => new PaymentMetrics(metrics),
  (metrics) =>
    new FollowerMetrics(metrics).watch(() => {
      throw new Error('nobody asks here');
    }),
];

function declaredBy(part: (metrics: Metrics) => unknown): ExposedMetric[] {
  const metrics = new Metrics('a service');
  part(metrics);
  return declaredIn(metrics.registry);
}

/** Labels as they were declared, whether or not there is a sample. */
function declaredIn(registry: Registry): ExposedMetric[] {
  return registry.getMetricsAsArray().map((metric) => {
    const {
      name,
      type,
      labelNames = [],
    } = metric as unknown as {
      name: string;
      type: string;
      labelNames?: readonly string[];
    };
    return { name, type, labels: new Set(['service', ...labelNames]) };
  });
}

function namedInSources(): { name: string; isPlainGauge: boolean }[] {
  const named = /(name: |\.(?:gauge|counter|histogram)s?\(\s*)'((?:millrace|http)_[a-z0-9_]+)'/g;
  return readdirSync('services', { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !/^(dist|node_modules)\//.test(path))
    .flatMap((path) => [...readFileSync(join('services', path), 'utf8').matchAll(named)])
    .map(([, how, name]) => ({ name: name!, isPlainGauge: how!.startsWith('.gauge(') }));
}
