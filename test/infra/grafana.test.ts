import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { exposedIn, exposedMetrics, type ExposedMetric } from './exposed-metrics.ts';

interface Panel {
  title: string;
  targets?: { refId: string; expr: string; legendFormat: string }[];
  fieldConfig?: {
    defaults: { unit: string };
    overrides: { matcher: { options: string }; properties: { id: string; value: string }[] }[];
  };
}

const { panels } = JSON.parse(readFileSync('infra/grafana/millrace.json', 'utf8')) as {
  panels: Panel[];
};

const targets = panels.flatMap(({ title, targets: ofPanel = [], fieldConfig }) =>
  ofPanel.map(({ refId, expr, legendFormat }) => {
    const own = fieldConfig!.overrides.find(({ matcher }) => matcher.options === refId);
    const unit = own?.properties.find(({ id }) => id === 'unit')?.value;
    return { title, expr, legendFormat, unit: unit ?? fieldConfig!.defaults.unit };
  }),
);

interface Selector {
  /** What stands before it: the functions that it is given to. */
  readonly before: string;
  readonly name: string;
  readonly labels: readonly string[];
  readonly hasRange: boolean;
}

/** The metrics of an expression, in which labels are to be found in braces and behind `by` alone. */
function selectorsIn(expr: string): Selector[] {
  const selector = /\b([a-z][a-z0-9]*_[a-z0-9_]+)\b(?!\s*\()(?:\{([^}]*)\})?(\[[^\]]*\])?/g;
  return [...withoutGroupings(expr).matchAll(selector)].map((match) => ({
    before: expr.slice(0, match.index),
    name: match[1]!,
    labels: [...(match[2] ?? '').matchAll(/(\w+)\s*[=!]/g)].map(([, label]) => label!),
    hasRange: match[3] !== undefined,
  }));
}

const grouping = /\bby \(([^)]*)\)/g;

function withoutGroupings(expr: string): string {
  return expr.replaceAll(grouping, (text) => ' '.repeat(text.length));
}

/** Labels that the results have. */
function groupedBy(expr: string): string[] {
  return [...expr.matchAll(grouping)].flatMap(([, labels]) => labels!.split(/,\s*/));
}

describe('the Grafana dashboard', () => {
  const exposed = new Map<string, { type: string; labels: Set<string> }>();

  function add({ name, type, labels }: ExposedMetric): void {
    const all = exposed.get(name) ?? { type, labels: new Set() };
    exposed.set(name, { type, labels: new Set([...all.labels, ...labels]) });
  }

  /** Of a histogram, the series that an expression names. */
  function metricOf(name: string): { type: string; labels: Set<string> } | undefined {
    const whole = exposed.get(name.replace(/_(bucket|count|sum)$/, ''));
    return whole?.type === 'histogram' ? whole : exposed.get(name);
  }

  beforeAll(async () => {
    const { broker, nameServer, ofServices } = await exposedMetrics();
    for (const metric of [...exposedIn(broker), ...exposedIn(nameServer), ...ofServices])
      add(metric);
  });

  it.each(targets)(
    'asks in "$title" for metrics and labels that processes have: $expr',
    ({ expr }) => {
      const selectors = selectorsIn(expr);
      expect(selectors.length).toBeGreaterThan(0);
      for (const { name, labels } of selectors) {
        const metric = metricOf(name);
        expect([name, metric?.type]).toEqual([name, expect.any(String)]);
        const known = new Set([...metric!.labels, ...(name.endsWith('_bucket') ? ['le'] : [])]);
        expect([...labels, ...groupedBy(expr)].filter((label) => !known.has(label))).toEqual([]);
      }
    },
  );

  it.each(targets)('tells in "$title" growth from levels: $expr', ({ expr }) => {
    for (const { name, before, hasRange } of selectorsIn(expr)) {
      const grows = metricOf(name)!.type !== 'gauge';
      expect([name, hasRange]).toEqual([name, grows]);
      if (grows) expect(before).toMatch(/\b(rate|increase) ?\($/);
      if (!name.endsWith('_bucket')) continue;
      expect(expr).toMatch(/^histogram_quantile\(0\.\d+, sum by \(([a-z_]+, )*le\) \(rate\(/);
    }
  });

  it.each(targets)(
    'says in "$title" what is counted, in its unit, and whose it is: $expr',
    (target) => {
      const { expr, unit, legendFormat } = target;
      const named = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label!);
      const labels = new Set(groupedBy(expr).filter((label) => label !== 'le'));
      expect(new Set(named)).toEqual(labels);
      expect(unit).toMatch(unitOf(expr));
    },
  );

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

/** Grafana's names of units. */
function unitOf(expr: string): RegExp {
  const [{ name } = { name: '' }] = selectorsIn(expr);
  if (expr.includes('increase(')) return /^short$/;
  if (expr.includes('histogram_quantile(')) return /^s$/;
  if (!expr.includes('rate(')) {
    if (name.endsWith('_seconds')) return /^s$/;
    if (name.endsWith('_bytes')) return /^bytes$/;
    return name.endsWith('_ratio') ? /^percentunit$/ : /^short$/;
  }
  // Seconds a second: as many cores.
  if (name.endsWith('_seconds_total')) return /^short$/;
  return name.endsWith('_bytes_total') ? /^Bps$/ : /^(reqps|mps|cps|rowsps)$/;
}
