import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { exposedIn, metricsOfServers, metricsOfServices } from './exposed-metrics.ts';

interface Panel {
  title: string;
  targets?: { expr: string }[];
}

const { panels } = JSON.parse(readFileSync('infra/grafana/millrace.json', 'utf8')) as {
  panels: Panel[];
};
const targets = panels.flatMap(({ title, targets: ofPanel = [] }) =>
  ofPanel.map(({ expr }) => ({ title, expr })),
);

/** What is not a metric in an expression: labels, functions, words. */
function metricsIn(expr: string): string[] {
  const bare = expr
    .replaceAll(/\{[^}]*\}/g, '')
    .replaceAll(/\[[^\]]*\]/g, '')
    .replaceAll(/\b(by|without) \([^)]*\)/g, '');
  return [...bare.matchAll(/\b[a-z][a-z0-9_]*_[a-z0-9_]+\b(?!\s*\()/g)].map(([name]) => name);
}

describe('the Grafana dashboard', () => {
  const declared = new Set<string>();

  beforeAll(async () => {
    const { broker, nameServer } = await metricsOfServers();
    const { names } = await metricsOfServices();
    for (const { name } of exposedIn(broker + nameServer)) declared.add(name);
    for (const name of names) declared.add(name);
  });

  it.each(targets)('asks in "$title" for metrics that processes have: $expr', ({ expr }) => {
    const names = metricsIn(expr);
    expect(names.length).toBeGreaterThan(0);
    const unknown = names.filter(
      (name) => !declared.has(name) && !declared.has(name.replace(/_(bucket|count|sum)$/, '')),
    );
    expect(unknown).toEqual([]);
  });

  it('shows what operations ask for: requests by interface, latency, backlog, dead letters, admission, how old the copy is', () => {
    const all = targets.map(({ expr }) => expr).join('\n');
    for (const metric of [
      'http_request_duration_seconds_count',
      'http_request_duration_seconds_bucket',
      'millrace_consumer_lag_messages',
      'millrace_dead_letters_total',
      'millrace_flash_tickets_total',
      'millrace_sync_lag_seconds',
      'rocketmq_consumer_lag_messages',
      'millrace_store_flush_duration_seconds_bucket',
      'millrace_client_send_duration_seconds_bucket',
    ]) {
      expect(all).toContain(metric);
    }
  });

  it('is asked for by Prometheus at the port of every service', () => {
    const config = readFileSync('infra/prometheus.yml', 'utf8');
    const services = readFileSync('infra/demo/services.ts', 'utf8');
    const ports = [...services.matchAll(/: (30\d\d),/g)].map(([, port]) => port!);
    expect(ports.length).toBeGreaterThan(10);
    for (const port of ports) expect(config).toContain(`127.0.0.1:${port} `);
    const topology = readFileSync('infra/demo/topology.ts', 'utf8');
    for (const port of ['5556', '5557']) {
      expect(topology).toContain(`preferredPort(${port},`);
      expect(config).toContain(`- 127.0.0.1:${port}\n`);
    }
  });
});
