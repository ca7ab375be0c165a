import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { servicePorts } from '../../services/contracts/service-ports.ts';
import { Exposition, Expression } from './promql.ts';

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

describe('the Grafana dashboard', () => {
  let exposition: Exposition;

  beforeAll(async () => {
    exposition = await Exposition.read();
  });

  it.each(targets)(
    'asks in "$title" for metrics and labels that processes have: $expr',
    ({ expr }) => {
      const { selectors, groupedBy } = new Expression(expr);
      expect(selectors.length).toBeGreaterThan(0);
      for (const { name, matchers } of selectors) {
        expect([name, exposition.typeOf(name)]).toEqual([name, expect.any(String)]);
        const known = exposition.labelsOf(name);
        const labels = [...matchers.map(({ label }) => label), ...groupedBy];
        expect(labels.filter((label) => !known.has(label))).toEqual([]);
      }
    },
  );

  it.each(targets)('tells in "$title" growth from levels: $expr', ({ expr }) => {
    for (const { name, overTime } of new Expression(expr).selectors) {
      const isGauge = exposition.typeOf(name) === 'gauge';
      expect([name, overTime]).toEqual([
        name,
        isGauge ? undefined : expect.stringMatching(/^(rate|increase)$/),
      ]);
      if (!name.endsWith('_bucket')) continue;
      expect(expr).toMatch(/^histogram_quantile\(0\.\d+, sum by \(([a-z_]+, )*le\) \(rate\(/);
    }
  });

  it.each(targets)(
    'says in "$title" what is counted, in its unit, and whose it is: $expr',
    (target) => {
      const { expr, unit, legendFormat } = target;
      const named = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label!);
      const labels = new Set(new Expression(expr).groupedBy.filter((label) => label !== 'le'));
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
    for (const [name, port] of Object.entries(servicePorts)) {
      expect(config).toContain(`127.0.0.1:${port} # ${name}\n`);
    }
    const topology = readFileSync('infra/demo/topology.ts', 'utf8');
    for (const port of ['5556', '5557']) {
      expect(topology).toContain(`preferredPort(${port},`);
      expect(config).toContain(`- 127.0.0.1:${port}\n`);
    }
  });
});

/** Grafana's names of units. */
function unitOf(expr: string): RegExp {
  const [{ name } = { name: '' }] = new Expression(expr).selectors;
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
