import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { transform } from '@swc/core';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { brokerConfig } from '../../mq/broker/config.ts';
import * as millrace from '../../mq/index.ts';
import * as nestjs from '../../mq/nestjs/index.ts';
import * as testkit from '../../mq/testkit.ts';
import { until, within } from '../support/deadline.ts';
import { sampleOf, samplesOf } from '../support/readme-samples.ts';

/** What the samples import, by the names they import it by. */
const modules: Readonly<Record<string, unknown>> = {
  millrace,
  'millrace/nestjs': nestjs,
  'millrace/testkit': testkit,
  '@nestjs/common': { Injectable, Module },
  '@nestjs/core': { NestFactory },
};

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
    .replaceAll('127.0.0.1:9876', mq.namesrvAddr)
    .replaceAll('/var/lib/shop/offsets', directory);
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
/** For what the samples keep in files. */
let directory: string;
const running: AsyncDisposable[] = [];

beforeEach(async () => {
  mq = await testkit.testBroker();
  directory = await mkdtemp(join(tmpdir(), 'millrace-readme-'));
  await mq.createTopic('ORDER_EVENTS');
});
afterEach(async () => {
  for (const resource of running.splice(0)) await resource[Symbol.asyncDispose]();
  await mq.close();
  await rm(directory, { recursive: true });
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
    const [sample, split] = await samplesOf('Send');
    expect(await run(sample!, { result: 'msgId' })).toMatch(/^[0-9A-F]{32}$/);
    const orders = ['A-1', 'A-2', 'A-3'];
    await run(split!, { names: { orders } });
    const stored = await mq.messages('ORDER_EVENTS', { atLeast: 4 });
    expect(stored.flatMap(({ keys }) => keys).toSorted()).toEqual(['A-1', 'A-1001', 'A-2', 'A-3']);
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

  it('select', async () => {
    const sent: string[] = [];
    const sample = await sampleOf('Only what you want');
    const names = { sendVoucher: (text: string) => void sent.push(text) };
    const consumer = await run(sample, { names, result: 'consumer' });
    running.push(consumer as millrace.PushConsumer);
    await using producer = new millrace.Producer({
      namesrvAddr: mq.namesrvAddr,
      producerGroup: 'test',
    });
    for (const [region, amount] of [
      ['DE', '99'],
      ['FR', '100'],
      ['AT', '100'],
    ] as const) {
      const properties = { region, amount };
      await producer.send({ topic: 'ORDER_EVENTS', body: region + amount, properties });
    }
    await mq.consumed('vouchers', 'ORDER_EVENTS');
    expect(sent).toEqual(['AT100']);
  });

  it('consume in batches', async () => {
    const inserted: unknown[] = [];
    // One a time: the others are retried.
    const insertAll = async (rows: unknown[]): Promise<number> => inserted.push(rows[0]) && 1;
    const sample = await sampleOf('Many at a time');
    const consumer = await run(sample, { names: { insertAll }, result: 'consumer' });
    running.push(consumer as millrace.PushConsumer);
    for (const orderNo of ['A-1', 'A-2']) await sendPaid(orderNo);
    await mq.drain('statistics', 'ORDER_EVENTS');
    expect(inserted).toHaveLength(2);
    expect(inserted).toEqual(expect.arrayContaining([{ orderNo: 'A-1' }, { orderNo: 'A-2' }]));
  });

  it('consume as every member does', async () => {
    const forgotten: string[] = [];
    const names = { forget: (text: string) => void forgotten.push(text) };
    const consumer = await run(await sampleOf('To every member'), { names, result: 'consumer' });
    running.push(consumer as millrace.PushConsumer);
    await sendPaid('A-1');
    await until(() => forgotten.length === 1);
    await (consumer as millrace.PushConsumer).shutdown();
    const { clientId } = consumer as millrace.PushConsumer;
    const file = join(directory, clientId, 'price-cache', 'offsets.json');
    expect(await readFile(file, 'utf8')).toContain('"topic":"ORDER_EVENTS"');
  });

  it('pull, and pull again', async () => {
    const loaded: unknown[] = [];
    const names = {
      isClosingTime: () => loaded.length > 0,
      load: async (rows: unknown[]) => void loaded.push(...rows),
    };
    const [polling, replaying] = await samplesOf('At your own pace');
    await sendPaid('A-1');
    // Committed before: the group does not begin at the end.
    await using admin = new millrace.Admin({ namesrvAddr: mq.namesrvAddr });
    for (const queue of await admin.queues('ORDER_EVENTS')) {
      await admin.updateConsumerOffset('warehouse', queue, 0);
    }
    await run(polling!, { names });
    expect(loaded).toEqual([{ orderNo: 'A-1' }]);
    const replayed: string[] = [];
    const again = async (text: string): Promise<boolean> => replayed.push(text) < 1;
    await run(replaying!, { names: { again } });
    expect(replayed).toEqual(['{"orderNo":"A-1"}']);
  });

  it('pop', async () => {
    const reserved: unknown[] = [];
    const names = { reserve: (event: unknown) => void reserved.push(event) };
    await sendPaid('A-1');
    const sample = await sampleOf('Without queues of its own');
    const consumer = await run(sample, { names, result: 'consumer' });
    running.push(consumer as millrace.PushConsumer);
    await until(() => reserved.length > 0);
    expect(reserved[0]).toEqual({ orderNo: 'A-1' });
    const assigned = (consumer as millrace.PushConsumer).assignedQueues();
    expect(assigned).toContainEqual({ topic: 'ORDER_EVENTS', brokerName: 'broker-a', queueId: -1 });
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

  it('find messages', async () => {
    await using producer = new millrace.Producer({
      namesrvAddr: mq.namesrvAddr,
      producerGroup: 'test',
    });
    const { msgId } = await producer.send({ topic: 'ORDER_EVENTS', keys: 'A-1001', body: 'paid' });
    const names = '{ admin, ofOrder, sent, stored, lastHour }';
    const result = await run(await sampleOf('Finding messages'), { result: names });
    const { admin, ofOrder, sent, stored, lastHour } = result as {
      admin: millrace.Admin;
      ofOrder: millrace.ConsumedMessage[];
      sent: millrace.ConsumedMessage;
      stored: millrace.ConsumedMessage;
      lastHour: string[];
    };
    running.push(admin);
    expect(ofOrder.map((message) => message.msgId)).toEqual([msgId]);
    expect([sent.text(), stored.text(), ...lastHour]).toEqual(['paid', 'paid', 'paid']);
    expect((await mq.find('ORDER_EVENTS', 'A-1001')).length).toBe(1);
    expect((await mq.find('ORDER_EVENTS', msgId, { atLeast: 1 })).length).toBe(1);
    expect(await mq.find('ORDER_EVENTS', 'A-1002')).toEqual([]);
  });

  it('go back, and skip a backlog', async () => {
    const got: string[] = [];
    const consumer = new millrace.PushConsumer({
      namesrvAddr: mq.namesrvAddr,
      consumerGroup: 'coupons',
    });
    running.push(consumer);
    consumer.subscribe('ORDER_EVENTS').onMessage((message) => void got.push(message.text()));
    await consumer.start();
    await sendPaid('A-8');
    await until(() => got.length === 1);
    const names = '{ admin, moved, skipped }';
    const result = await run(await sampleOf('Going back'), { result: names });
    const { admin, moved, skipped } = result as {
      admin: millrace.Admin;
      moved: millrace.QueueReset[];
      skipped: millrace.QueueReset[];
    };
    running.push(admin);
    expect(moved.map(({ to }) => to)).toEqual(moved.map(() => 0));
    expect(skipped.reduce((sum, { to }) => sum + to, 0)).toBe(1);
    await mq.drain('coupons', 'ORDER_EVENTS');
  });

  it('make topics and change them', async () => {
    const result = await run(await sampleOf('Topics'), { result: '{ admin, perBroker }' });
    const { admin, perBroker } = result as {
      admin: millrace.Admin;
      perBroker: millrace.BrokerTopicConfig[];
    };
    running.push(admin);
    expect(perBroker).toMatchObject([{ readQueueNums: 8, writeQueueNums: 4, perm: 6 }]);
  });

  it('ask what the broker has noticed', async () => {
    mq.broker.context.findings.report({
      kind: 'TOPIC_NOT_EXIST',
      subject: 'g Mistyped',
      what: 'group g subscribes to topic Mistyped, which no broker has',
      advice: 'create the topic',
      addresses: ['10.0.0.1:4000'],
    });
    const said: unknown[][] = [];
    const console = { log: (...words: unknown[]) => said.push(words) };
    const { admin } = (await run(await sampleOf('When nothing comes'), {
      names: { console },
      result: '{ admin }',
    })) as { admin: millrace.Admin };
    running.push(admin);
    expect(said).toEqual([
      [
        'TOPIC_NOT_EXIST: group g subscribes to topic Mistyped, which no broker has. create the topic.',
        ['10.0.0.1:4000'],
        expect.any(Date),
      ],
    ]);
  });

  it('ask, and wait for the reply', async () => {
    await mq.createTopic('PRICE_REQUESTS');
    const names = { priceOf: (sku: string) => Promise.resolve(`price of ${sku}`) };
    const sample = await sampleOf('Ask, and wait for the reply');
    const [consumer, price] = (await run(sample, {
      names,
      result: '[consumer, price]',
    })) as [millrace.PushConsumer, string];
    await consumer.shutdown();
    expect(price).toBe('price of sku-1');
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
  const ofRunning = readme.split('\n## Run\n')[1]!;
  const rows = Array.from(ofRunning.matchAll(/^\| `(\w+)` +\| (\S.*?) +\|/gm), ([, name, text]) => [
    name!,
    text!.replaceAll(/[`,]/g, ''),
  ]);
  // Compared by reflection with what new BrokerConfig(), MessageStoreConfig() and NettyServerConfig() hold there.
  const differing = [
    'autoCreateTopicEnable',
    'bindAddress',
    'brokerName',
    'enablePropertyFilter',
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
