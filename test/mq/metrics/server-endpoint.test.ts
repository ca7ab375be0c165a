import { afterEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Producer, PushConsumer, TransactionProducer } from '../../../mq/index.ts';
import { startBroker, startNameServer } from '../../../mq/server.ts';
import { until } from '../../support/deadline.ts';

const directories: string[] = [];

async function storeDir(): Promise<string> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'millrace-metrics-'));
  directories.push(directory);
  return directory;
}

afterEach(async () => {
  for (const directory of directories.splice(0)) {
    await rm(directory, { recursive: true, force: true });
  }
});

const watched = { metricsExporterType: 'PROM', metricsPromExporterPort: 0 } as const;

async function get(address: string | undefined, place: string) {
  const response = await fetch(`http://${address}${place}`);
  return { status: response.status, text: await response.text() };
}

/** The value of the first sample whose name is this and whose labels contain these. */
function valueOf(text: string, name: string, ...labels: string[]): number | undefined {
  const line = text
    .split('\n')
    .find((each) => /^[a-z_]+/.exec(each)?.[0] === name && labels.every((l) => each.includes(l)));
  return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(' ') + 1));
}

describe('the HTTP endpoint of a server', () => {
  it('is not there unless it is asked for', async () => {
    await using nameServer = await startNameServer({ listenPort: 0, kvConfigPath: '' });
    await using broker = await startBroker({ listenPort: 0, storePathRootDir: await storeDir() });
    expect(nameServer.metricsAddress).toBeUndefined();
    expect(broker.metricsAddress).toBeUndefined();
  });

  it('counts what was stored, handed out, committed and given up, and who waits for it', async () => {
    await using nameServer = await startNameServer({ listenPort: 0, kvConfigPath: '', ...watched });
    const namesrvAddr = nameServer.address;
    await using broker = await startBroker({
      listenPort: 0,
      storePathRootDir: await storeDir(),
      namesrvAddr,
      autoCreateTopicEnable: true,
      // Nobody is asked after the transaction left open, which would store it once more.
      transactionCheckInterval: 3_600_000,
      ...watched,
    });
    await using producer = new Producer({ namesrvAddr, producerGroup: 'sellers' });
    for (let number = 0; number < 3; number++) {
      await producer.send({ topic: 'Orders', body: `order ${number}`, keys: [`NO-${number}`] });
    }
    await using transactions = new TransactionProducer({
      namesrvAddr,
      producerGroup: 'payers',
      checkLocalTransaction: () => 'UNKNOW',
    });
    const pay = { topic: 'Orders', body: 'paid' };
    await transactions.sendMessageInTransaction(pay, () => 'COMMIT_MESSAGE');
    await transactions.sendMessageInTransaction(pay, () => 'ROLLBACK_MESSAGE');
    await transactions.sendMessageInTransaction(pay, () => 'UNKNOW');
    await using consumer = new PushConsumer({
      namesrvAddr,
      consumerGroup: 'buyers',
      consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
      maxReconsumeTimes: 0,
    });
    consumer.subscribe('Orders');
    consumer.onMessage((message) =>
      message.keys[0] === 'NO-1' ? 'RECONSUME_LATER' : 'CONSUME_SUCCESS',
    );
    await consumer.start();

    const seen = async (): Promise<string> => (await get(broker.metricsAddress, '/metrics')).text;
    const out = ['rocketmq_messages_out_total', 'topic="Orders"', 'group="buyers"'] as const;
    // What a consumer gets twice, or a client asks twice, counts twice: at least so often.
    const text = await until(async () => {
      const text = await seen();
      const isAllThere =
        valueOf(text, ...out)! >= 4 &&
        valueOf(text, 'rocketmq_send_to_dlq_messages_total', 'group="buyers"')! >= 1 &&
        valueOf(text, 'rocketmq_rollback_messages_total', 'topic="Orders"') === 1 &&
        valueOf(text, 'rocketmq_consumer_connections', 'group="buyers"') === 1 &&
        valueOf(text, 'rocketmq_producer_connections') === 2;
      return isAllThere ? text : undefined;
    });
    const labels = '{cluster="DefaultCluster",node_type="broker",node_id="broker-a",topic="Orders"';
    expect(text).toContain(`rocketmq_commit_messages_total${labels}} 1\n`);
    expect(valueOf(text, 'rocketmq_messages_in_total', 'topic="Orders"')).toBe(4);
    expect(valueOf(text, 'rocketmq_throughput_in_total', 'topic="Orders"')).toBeGreaterThan(400);
    expect(valueOf(text, 'rocketmq_messages_in_total', 'message_type="transaction"')).toBe(3);
    expect(valueOf(text, 'millrace_half_messages')).toBe(1);
    expect(valueOf(text, 'millrace_half_messages_discarded_total')).toBe(0);
    expect(valueOf(text, 'millrace_findings', 'kind="STORE_DAMAGED"')).toBe(0);
    expect(valueOf(text, 'millrace_store_state', 'state="writable"')).toBe(1);
    expect(valueOf(text, 'millrace_store_flush_duration_seconds_count')).toBeGreaterThan(0);
    expect(
      valueOf(text, 'millrace_request_duration_seconds_count', 'send_message_v2', '"success"'),
    ).toBeGreaterThanOrEqual(6);
    const routes = (await get(nameServer.metricsAddress, '/metrics')).text;
    expect(valueOf(routes, 'millrace_namesrv_brokers')).toBe(1);
  });

  it('shows how far a group is behind that does not consume', async () => {
    await using nameServer = await startNameServer({ listenPort: 0, kvConfigPath: '' });
    const namesrvAddr = nameServer.address;
    await using broker = await startBroker({
      listenPort: 0,
      storePathRootDir: await storeDir(),
      namesrvAddr,
      autoCreateTopicEnable: true,
      ...watched,
    });
    await using producer = new Producer({ namesrvAddr, producerGroup: 'sellers' });
    const send = (): Promise<unknown> => producer.send({ topic: 'Orders', body: 'one' });
    await send();
    for (let queueId = 0; queueId < 8; queueId++) {
      broker.context.offsets.commit({
        group: 'buyers',
        topic: 'Orders',
        queueId,
        queueOffset: broker.store.maxOffset('Orders', queueId),
        client: 'a test',
      });
    }
    const lag = async (): Promise<number | undefined> =>
      valueOf(
        (await get(broker.metricsAddress, '/metrics')).text,
        'rocketmq_consumer_lag_messages',
        'topic="Orders"',
      );
    expect(await lag()).toBe(0);
    await send();
    await send();
    // One answer serves for some seconds.
    await until(async () => (await lag()) === 2, { timeoutMs: 30_000 });
  });

  it('tells live from ready, and why a broker is not', async () => {
    await using nameServer = await startNameServer({ listenPort: 0, kvConfigPath: '', ...watched });
    await using broker = await startBroker({
      listenPort: 0,
      storePathRootDir: await storeDir(),
      namesrvAddr: nameServer.address,
      ...watched,
    });
    expect(await get(nameServer.metricsAddress, '/health/ready')).toMatchObject({ status: 200 });
    // It starts although no name server knows it yet.
    await until(async () => (await get(broker.metricsAddress, '/health/ready')).status === 200);
    await nameServer.close();
    const down = await until(async () => {
      const answer = await get(broker.metricsAddress, '/health/ready');
      return answer.status === 503 ? answer : undefined;
    });
    expect(JSON.parse(down.text)).toEqual({
      status: 'down',
      parts: {
        store: { status: 'up' },
        nameServer: { status: 'down', reason: `registered with none of ${nameServer.address}` },
      },
    });
    expect(await get(broker.metricsAddress, '/health/live')).toMatchObject({ status: 200 });
    expect(await get(broker.metricsAddress, '/nothing')).toMatchObject({ status: 404 });
  });

  it('leaves this machine only when that is asked for by name, and says which port is taken', async () => {
    await expect(
      startNameServer({ listenPort: 0, ...watched, metricsPromExporterHost: '0.0.0.0' }),
    ).rejects.toThrow(/metricsPromExporterHost: host "0.0.0.0" is reachable from other machines/);
    await using first = await startNameServer({ listenPort: 0, kvConfigPath: '', ...watched });
    const port = Number(first.metricsAddress!.split(':')[1]);
    await expect(
      startBroker({
        listenPort: 0,
        storePathRootDir: await storeDir(),
        ...watched,
        metricsPromExporterPort: port,
      }),
    ).rejects.toThrow(`cannot serve metrics on 127.0.0.1:${port}: the port is in use`);
  });
});
