import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { serviceNames } from '../../infra/demo/services.ts';
import { storeStates } from '../../mq/broker/store-metrics.ts';
import { findingKinds } from '../../mq/protocol/finding.ts';
import { deadLetterOutcomes, deliveryOutcomes } from '../../services/common/metrics.ts';
import { ticketOutcomeStatuses } from '../../services/flashsale/domain/ticket.ts';
import {
  callbackOutcomes,
  channelOutcomes,
} from '../../services/payment/application/payment-metrics.ts';
import { readYaml } from '../support/yaml.ts';
import { Exposition, Expression } from './promql.ts';

interface Rule {
  alert: string;
  expr: string;
  labels: { severity: string };
  annotations: { summary: string; description: string };
}

function ruleFilesOf(path: string): string[] {
  return (readYaml(path) as { rule_files: string[] }).rule_files;
}

const { groups } = readYaml('infra/alerts.yml') as { groups: { rules: Rule[] }[] };
const rules = groups.flatMap((group) => group.rules);

/** By what is asked of, `label` or `metric.label`: the values that it can have. */
const possibleValues: Readonly<Record<string, readonly string[]>> = {
  service: [...serviceNames, 'storefront'],
  is_system: ['true', 'false'],
  method: ['POST'],
  // Those of POST /orders; of all processes, what is no customer's.
  route: ['/orders', '/metrics', '/health/.*'],
  status: ['5..'],
  'millrace_dead_letters_total.outcome': deadLetterOutcomes,
  'millrace_messages_consumed_total.outcome': deliveryOutcomes,
  'millrace_channel_callbacks_total.outcome': callbackOutcomes,
  'millrace_channel_request_duration_seconds_count.outcome': channelOutcomes,
  'millrace_flash_tickets_total.outcome': ticketOutcomeStatuses,
  'millrace_store_state.state': storeStates,
  'millrace_findings.kind': findingKinds,
};

/** Labels that Prometheus gives each sample; `up` is a metric of its own, and has no others. */
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

  it.each(rules)('$alert asks for what processes expose: $expr', ({ expr }) => {
    const { selectors, groupedBy } = new Expression(expr);
    expect(selectors.length).toBeGreaterThan(0);
    for (const { name, matchers } of selectors) {
      if (name !== 'up') {
        expect([name, exposition.typeOf(name)]).toEqual([name, expect.any(String)]);
      }
      const known = new Set([...exposition.labelsOf(name), ...ofTarget]);
      const asked = [...matchers.map(({ label }) => label), ...groupedBy];
      expect(asked.filter((label) => !known.has(label))).toEqual([]);
      for (const { label, values } of matchers) {
        const possible = possibleValues[`${name}.${label}`] ?? possibleValues[label];
        expect([label, possible]).toEqual([label, expect.arrayContaining([...values])]);
      }
    }
  });

  it.each(rules)('$alert tells growth from levels: $expr', ({ expr }) => {
    // Of what is looked for beside something else, the news is whether it is there.
    const isWhetherItIsThere = / unless /.test(expr);
    for (const { name, overTime } of new Expression(expr).selectors) {
      if (name === 'up') continue;
      const isLevel = exposition.typeOf(name) === 'gauge' || isWhetherItIsThere;
      expect([name, overTime]).toEqual([
        name,
        isLevel ? undefined : expect.stringMatching(/^(rate|increase)$/),
      ]);
    }
  });

  it.each(rules)('$alert names whom it is about by labels that it has', ({ expr, annotations }) => {
    const text = `${annotations.summary} ${annotations.description}`;
    const named = [...text.matchAll(/\$labels\.(\w+)/g)].map(([, label]) => label!);
    const { selectors, groupedBy } = new Expression(expr);
    const isOfTargets = selectors.every(({ name }) => name === 'up');
    const had = isOfTargets ? ofTarget : groupedBy.filter((label) => label !== 'le');
    expect(had).toEqual(expect.arrayContaining(named));
  });

  it('know the way of an order by the name that the order service gives it', () => {
    const source = readFileSync('services/order/http/order.controller.ts', 'utf8');
    expect(source).toMatch(/@Controller\('orders'\)[\s\S]*\n {2}@Post\(\)/);
  });

  it.each(['infra/prometheus.yml', 'infra/containers/prometheus.yml'])('are read by %s', (path) => {
    const [file, ...others] = ruleFilesOf(path);
    expect([join(dirname(path), file!), others]).toEqual(['infra/alerts.yml', []]);
  });

  it.each(['compose.yml', 'metrics.compose.yml'])('are where Prometheus of %s looks', (path) => {
    const { prometheus } = (
      readYaml(join('infra', path)) as {
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
