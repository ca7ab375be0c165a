import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { serviceNames } from '../../infra/demo/services.ts';
import { storeStates } from '../../mq/broker/store-metrics.ts';
import { deadLetterOutcomes } from '../../services/common/metrics.ts';
import { ticketOutcomeStatuses } from '../../services/flashsale/domain/ticket.ts';
import { callbackOutcomes } from '../../services/payment/application/payment-metrics.ts';
import { Exposition, groupedBy, selectorsIn } from './promql.ts';

interface Rule {
  alert: string;
  expr: string;
  for?: string;
  labels: { severity: string };
  annotations: { summary: string; description: string };
}

// The parser that the test runner itself is installed with.
const yaml = createRequire(import.meta.url)('js-yaml') as { load(text: string): unknown };

function read(path: string): unknown {
  return yaml.load(readFileSync(path, 'utf8'));
}

function ruleFilesOf(path: string): string[] {
  return (read(path) as { rule_files: string[] }).rule_files;
}

const { groups } = read('infra/alerts.yml') as { groups: { rules: Rule[] }[] };
const rules = groups.flatMap((group) => group.rules);

/** By what is asked of, `label` or `metric.label`: the values that it can have. */
const possibleValues: Readonly<Record<string, readonly string[]>> = {
  service: [...serviceNames, 'storefront'],
  is_system: ['true', 'false'],
  'millrace_dead_letters_total.outcome': deadLetterOutcomes,
  'millrace_channel_callbacks_total.outcome': callbackOutcomes,
  'millrace_flash_tickets_total.outcome': ticketOutcomeStatuses,
  'millrace_store_state.state': storeStates,
};
/** Theirs are of another kind: patterns, and what the framework calls a request. */
const ofHttp = ['method', 'route', 'status'];

/** Of `up`, which Prometheus makes itself. */
const ofTarget = ['instance', 'job'];

describe('the alert rules', () => {
  let exposition: Exposition;

  beforeAll(async () => {
    exposition = await Exposition.read();
  });

  it('have names of their own, a severity, and say what to do', () => {
    expect(rules.length).toBeGreaterThan(10);
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
    for (const { alert, labels, annotations } of rules) {
      expect(alert).toMatch(/^([A-Z][a-z]+){2,}$/);
      expect([alert, labels.severity]).toEqual([
        alert,
        expect.stringMatching(/^(critical|warning)$/),
      ]);
      expect(annotations).toEqual({
        summary: expect.stringMatching(/^\S.*[^.]$/),
        description: expect.stringMatching(/^\S.*\.$/),
      });
    }
  });

  it.each(rules)('$alert asks for what processes expose, growth of what grows', ({ expr }) => {
    if (expr === 'up == 0') return;
    const selectors = selectorsIn(expr);
    expect(selectors.length).toBeGreaterThan(0);
    for (const { name, matchers, before, hasRange } of selectors) {
      const type = exposition.typeOf(name);
      expect([name, type]).toEqual([name, expect.any(String)]);
      const known = new Set([...exposition.labelsOf(name), ...ofTarget]);
      const asked = [...matchers.map(({ label }) => label), ...groupedBy(expr)];
      expect(asked.filter((label) => !known.has(label))).toEqual([]);
      expect([name, hasRange]).toEqual([name, type !== 'gauge']);
      if (hasRange) expect(before).toMatch(/\b(rate|increase)\($/);
      for (const { label, values } of matchers.filter((each) => !ofHttp.includes(each.label))) {
        const possible = possibleValues[`${name}.${label}`] ?? possibleValues[label];
        expect([label, possible]).toEqual([label, expect.arrayContaining([...values])]);
      }
    }
  });

  it.each(rules)('$alert names whom it is about by labels that it has', ({ expr, annotations }) => {
    const text = `${annotations.summary} ${annotations.description}`;
    const named = [...text.matchAll(/\$labels\.(\w+)/g)].map(([, label]) => label!);
    const had = expr === 'up == 0' ? ofTarget : groupedBy(expr).filter((label) => label !== 'le');
    expect(had).toEqual(expect.arrayContaining(named));
  });

  it.each(['infra/prometheus.yml', 'infra/containers/prometheus.yml'])('are read by %s', (path) => {
    const [file, ...others] = ruleFilesOf(path);
    expect([join(dirname(path), file!), others]).toEqual(['infra/alerts.yml', []]);
  });

  it.each(['compose.yml', 'metrics.compose.yml'])('are where Prometheus of %s looks', (path) => {
    const { prometheus } = (
      read(join('infra', path)) as {
        services: { prometheus: { command: string[]; volumes: string[] } };
      }
    ).services;
    const config = prometheus.command.find((word) => word.startsWith('--config.file='))!.slice(14);
    const mounts = new Map(
      prometheus.volumes.map((volume) => volume.split(':')).map(([from, to]) => [to!, from!]),
    );
    const [file] = ruleFilesOf(join('infra', mounts.get(config)!));
    expect(mounts.get(join(dirname(config), file!))).toBe('./alerts.yml');
  });
});
