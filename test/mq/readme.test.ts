import { readFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { transform } from '@swc/core';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { brokerConfig } from '../../mq/broker/config.ts';
import * as millrace from '../../mq/index.ts';
import * as nestjs from '../../mq/nestjs/index.ts';
import * as testkit from '../../mq/testkit.ts';
import { until, within } from '../support/deadline.ts';

/** What the samples import, by the names they import it by. */
const modules: Readonly<Record<string, unknown>> = {
  millrace,
  'millrace/nestjs': nestjs,
  'millrace/testkit': testkit,
  '@nestjs/common': { Injectable, Module },
  '@nestjs/core': { NestFactory },
};

/** The first sample under a heading, as it is written. */
async function sampleOf(heading: string): Promise<string> {
  return (await samplesOf(heading))[0]!;
}

async function samplesOf(heading: string): Promise<string[]> {
  const readme = await readFile(new URL('../../mq/README.md', import.meta.url), 'utf8');
  const section = readme.split(/^## /m).find((text) => text.startsWith(`${heading}\n`));
  return Array.from(section!.matchAll(/^```ts\n(.*?)^```$/gms), ([, sample]) => sample!);
}

/**
 * Runs a sample as a module: its imports are bound to the sources, its free names to `names`, and the address of
 * `millrace dev` to a broker of this test. Returns the variable `result`, if the sample has one to look at.
 */
async function run(
  sample: string,
  { names = {}, result }: { names?: Record<string, unknown>; result?: string },
): Promise<unknown> {
  const imports = /^import \{(.*)\} from '(.*)';$/gm;
  const body = sample
    .replace(imports, (_all, bound, from) => `const {${bound}} = modules['${from}'];`)
    .replaceAll('127.0.0.1:9876', mq.namesrvAddr);
  const wrapped = `async function sample(modules, ${Object.keys(names).join(', ')}) {
    ${body}
    return ${result ?? 'undefined'};
  }`;
  const { code } = await transform(wrapped, {
    configFile: false,
    swcrc: false,
    jsc: {
      target: 'es2022',
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: true },
      externalHelpers: false,
    },
    isModule: false,
  });
  // oxlint-disable-next-line typescript/no-implied-eval, no-new-func -- the sample is text until now
  const main = new Function(`${code}\nreturn sample;`)() as (...args: unknown[]) => unknown;
  return await main(modules, ...Object.values(names));
}

let mq: testkit.TestBroker;
const running: AsyncDisposable[] = [];

beforeEach(async () => {
  mq = await testkit.testBroker();
  await mq.createTopic('ORDER_EVENTS');
});
afterEach(async () => {
  for (const resource of running.splice(0)) await resource[Symbol.asyncDispose]();
  await mq.close();
});

async function sendPaid(orderNo: string): Promise<void> {
  await using producer = new millrace.Producer({
    namesrvAddr: mq.namesrvAddr,
    producerGroup: 'test',
  });
  await producer.send({ topic: 'ORDER_EVENTS', tags: 'Paid', body: JSON.stringify({ orderNo }) });
}

describe('the samples of mq/README.md', () => {
  it('send', async () => {
    expect(await run(await sampleOf('Send'), { result: 'msgId' })).toMatch(/^[0-9A-F]{32}$/);
    await using admin = new millrace.Admin({ namesrvAddr: mq.namesrvAddr });
    const offsets = (await admin.queues('ORDER_EVENTS')).map((queue) => admin.maxOffset(queue));
    expect((await Promise.all(offsets)).reduce((sum, offset) => sum + offset, 0)).toBe(1);
  });

  it('consume', async () => {
    const notified: string[] = [];
    const process = { once: () => undefined };
    const names = { process, notify: async (orderNo: string) => void notified.push(orderNo) };
    const consumer = await run(await sampleOf('Consume'), { names, result: 'consumer' });
    running.push(consumer as millrace.PushConsumer);
    await sendPaid('A-1');
    await until(() => notified.includes('A-1'));
  });

  it('retry, give up and redrive', async () => {
    const asked: string[] = [];
    let isHealed = false;
    const issueCoupon = async (orderNo: string) => {
      asked.push(orderNo);
      return isHealed ? 'issued' : 'unknown order';
    };
    const sample = await sampleOf('Retries and the dead-letter queue');
    const [consuming, redriving] = sample.split(/^(?=const admin)/m);
    const imports = /^import .*\n/m.exec(sample)![0];
    const names = { issueCoupon };
    const consumer = await run(consuming!, { names, result: 'consumer' });
    running.push(consumer as millrace.PushConsumer);
    await sendPaid('A-7');
    await mq.dlq('coupons', { atLeast: 1 });
    isHealed = true;
    const result = '{ admin, dead, results }';
    const redriven = await run(imports + redriving!, { result });
    const { admin, dead, results } = redriven as {
      admin: millrace.Admin;
      dead: millrace.ConsumedMessage[];
      results: millrace.RedriveResult[];
    };
    running.push(admin);
    expect(dead.map((message) => message.json())).toEqual([{ orderNo: 'A-7' }]);
    expect(results).toMatchObject([{ msgId: dead[0]!.msgId, status: 'REDRIVEN' }]);
    await until(() => asked.length === 2);
    expect(asked).toEqual(['A-7', 'A-7']);
  });

  it('send for later, and take it back', async () => {
    await run(await sampleOf('Later'), {});
    expect(await mq.delayed('ORDER_EVENTS')).toEqual([]);
    await mq.clock.advance('31m');
    expect(await mq.messages('ORDER_EVENTS')).toEqual([]);
  });

  it('in order', async () => {
    const booked: string[] = [];
    let failures = 1;
    const book = async (step: string): Promise<boolean> => {
      if (step === 'paid' && failures-- > 0) return false;
      booked.push(step);
      return true;
    };
    const sample = await sampleOf('In order');
    const consumer = await run(sample, { names: { book }, result: 'consumer' });
    running.push(consumer as millrace.PushConsumer);
    await until(() => booked.length === 3);
    expect(booked).toEqual(['created', 'paid', 'shipped']);
  });

  it('send in a transaction', async () => {
    const placed: string[] = [];
    const names = {
      isPlaced: async (orderNo: string) => placed.includes(orderNo),
      placeOrder: async (orderNo: string) => placed.push(orderNo) > 0,
    };
    const result = await run(await sampleOf('In a transaction'), {
      names,
      result: 'localTransactionState',
    });
    expect(result).toBe('COMMIT_MESSAGE');
    expect(placed).toEqual(['A-1002']);
  });

  it('test a consumer, in at most 15 lines', async () => {
    const [sample, ...others] = await samplesOf('Testing your consumer');
    const lines = sample!.split('\n').filter((line) => line !== '' && !line.startsWith('import '));
    expect(lines.length).toBeLessThanOrEqual(15);
    const tests: [string, () => Promise<void>][] = [];
    const collect = (name: string, test: () => Promise<void>) => void tests.push([name, test]);
    for (const each of [sample!, ...others]) await run(each, { names: { it: collect, expect } });
    expect(tests.map(([name]) => name)).toEqual([
      'keeps an order in the DLQ when its coupon cannot be issued',
      'ships an order whose commit was lost, half an hour later',
    ]);
    for (const [name, test] of tests) await within(test(), name, 20_000);
  });

  it('listen in a Nest application', async () => {
    const notified: string[] = [];
    const names = { notify: async (orderNo: string) => void notified.push(orderNo) };
    const app = await run(await sampleOf('NestJS'), { names, result: 'app' });
    const application = app as { close(): Promise<void> };
    running.push({ [Symbol.asyncDispose]: () => application.close() });
    await sendPaid('A-2');
    await until(() => notified.includes('A-2'));
  });
});

it('the table of settings names every default that is not that of RocketMQ 5.5, as it is', async () => {
  const readme = await readFile(new URL('../../mq/README.md', import.meta.url), 'utf8');
  const rows = Array.from(readme.matchAll(/^\| `(\w+)` +\| (\S.*?) +\|/gm), ([, name, text]) => [
    name!,
    text!.replaceAll(/[`,]/g, ''),
  ]);
  // Compared by reflection with what new BrokerConfig(), MessageStoreConfig() and NettyServerConfig() hold there.
  const differing = [
    'autoCreateTopicEnable',
    'bindAddress',
    'brokerName',
    'flushDiskType',
    'recallMessageEnable',
    'registerBrokerTimeoutMills',
    'storePathRootDir',
    'timerMaxDelaySec',
  ] as const;
  const defaults = brokerConfig({});
  expect(Object.fromEntries(rows)).toEqual({
    ...Object.fromEntries(differing.map((name) => [name, String(defaults[name])])),
    brokerIP1: 'the address listened on',
  });
});
