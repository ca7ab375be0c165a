import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { FollowerMetrics } from '../../services/sync/follower/follower-metrics.ts';
import { Metrics } from '../../services/common/metrics.ts';

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

/** Every metric that a service declares: by name in its source, or because it is made here as a service makes it. */
function declaredMetrics(): Set<string> {
  const names = new Set<string>();
  for (const path of readdirSync('services', { recursive: true, encoding: 'utf8' })) {
    if (!path.endsWith('.ts') || /^(dist|node_modules)\//.test(path)) continue;
    const source = readFileSync(join('services', path), 'utf8');
    for (const [, name] of source.matchAll(
      /(?:name: |gauges?\(\s*)'((?:millrace|http)_[a-z0-9_]+)'/g,
    )) {
      names.add(name!);
    }
  }
  const defaults = new Registry();
  collectDefaultMetrics({ register: defaults });
  const sync = new Metrics('sync');
  new FollowerMetrics(sync).watch(() => {
    throw new Error('nobody asks here');
  });
  for (const { name } of [...defaults.getMetricsAsArray(), ...sync.registry.getMetricsAsArray()]) {
    names.add(name);
  }
  return names;
}

describe('the Grafana dashboard', () => {
  const declared = declaredMetrics();

  it.each(targets)('asks in "$title" for metrics that services have: $expr', ({ expr }) => {
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
  });
});
