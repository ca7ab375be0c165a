import { access, cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Broker } from '../../../mq/broker/broker.ts';
import { brokerConfig } from '../../../mq/broker/config.ts';
import { silentLogger } from '../../../mq/logger.ts';
import { ResponseCode } from '../../../mq/protocol/response-code.ts';
import { nodeFiles, type Files } from '../../../mq/store/files.ts';
import { until } from '../../support/deadline.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { BrokerUnderTest, sendReply, type BrokerUnderTestOptions } from './broker-under-test.ts';

const running: BrokerUnderTest[] = [];

async function started(options?: BrokerUnderTestOptions): Promise<BrokerUnderTest> {
  const broker = await BrokerUnderTest.start(options);
  running.push(broker);
  return broker;
}

afterEach(async () => {
  for (const broker of running.splice(0)) await broker[Symbol.asyncDispose]();
});

function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

describe('a broker', () => {
  it('keeps messages, topics and offsets over a restart', async () => {
    const broker = await started({ config: { flushDiskType: 'SYNC_FLUSH' } });
    await broker.createTopic('TopicA', 2);
    await broker.send({ topic: 'TopicA', queueId: 1, body: 'first' });
    const commit = { group: 'cg', topic: 'TopicA', queueId: 1, queueOffset: 1, client: 'c' };
    broker.broker.context.offsets.commit(commit);
    await broker.restart();
    expect(broker.broker.context.offsets.query('cg', 'TopicA', 1)).toBe(1);
    const reply = await broker.send({ topic: 'TopicA', queueId: 1, body: 'second' });
    expect(sendReply(reply).queueOffset).toBe(1);
    const bodies = (await broker.messages('TopicA', 1)).map((message) => message.body.toString());
    expect(bodies).toEqual(['first', 'second']);
  });

  it('has everything it acknowledged after being killed', async () => {
    const broker = await started({ config: { autoCreateTopicEnable: true } });
    const replies = await Promise.all(
      Array.from({ length: 20 }, (_, index) => broker.send({ topic: 'New', body: String(index) })),
    );
    expect(replies.every((reply) => reply.code === ResponseCode.SUCCESS)).toBe(true);
    // What kill -9 leaves is what the files hold at this moment; the copy has the abort file of the one that runs on.
    const killedDir = await mkdtemp(path.join(os.tmpdir(), 'millrace-killed-'));
    await cp(broker.storeDir, killedDir, { recursive: true });
    await rm(path.join(killedDir, 'lock'), { force: true });
    const revived = await started({ storeDir: killedDir });
    const bodies = (await revived.messages('New')).map((message) => message.body.toString());
    expect(bodies).toEqual(Array.from({ length: 20 }, (_, index) => String(index)));
    expect(sendReply(await revived.send({ topic: 'New' })).queueOffset).toBe(20);
    await revived.stop();
    await rm(killedDir, { recursive: true });
  });

  it('refuses messages while the disk is full, names path and percentage, and takes them again', async () => {
    const clock = new FakeClock();
    let usage = { usedPercent: 50, usedBytes: 1e12, freeBytes: 1e12 };
    const files: Files = { ...nodeFiles, diskUsage: () => usage };
    const broker = await started({ files, clock });
    await broker.createTopic('TopicA');
    expect((await broker.send({ topic: 'TopicA' })).code).toBe(ResponseCode.SUCCESS);
    usage = { usedPercent: 97, usedBytes: 1e12, freeBytes: 1e6 };
    clock.advance(60_000);
    const refused = await until(async () => {
      const reply = await broker.send({ topic: 'TopicA' });
      return reply.code === ResponseCode.SERVICE_NOT_AVAILABLE ? reply : undefined;
    });
    expect(refused.remark).toContain('97');
    expect(refused.remark).toContain(broker.storeDir);
    usage = { usedPercent: 50, usedBytes: 1e12, freeBytes: 1e12 };
    clock.advance(60_000);
    await until(async () => (await broker.send({ topic: 'TopicA' })).code === ResponseCode.SUCCESS);
  });

  it('answers FLUSH_DISK_TIMEOUT with all fields when fsync takes too long, and has the message', async () => {
    const clock = new FakeClock();
    let stuck: Promise<void> | undefined;
    const files: Files = {
      ...nodeFiles,
      open: (file, mode) => {
        const opened = nodeFiles.open(file, mode);
        const datasync = opened.datasync.bind(opened);
        if (file.includes('commitlog'))
          opened.datasync = () => (stuck ?? Promise.resolve()).then(datasync);
        return opened;
      },
    };
    const config = { flushDiskType: 'SYNC_FLUSH', syncFlushTimeout: 2_000 } as const;
    const broker = await started({ files, clock, config });
    await broker.createTopic('TopicA');
    let release = (): void => undefined;
    stuck = new Promise((resolve) => {
      release = resolve;
    });
    const sending = broker.send({ topic: 'TopicA', properties: { UNIQ_KEY: 'u' } });
    await until(() => broker.broker.store.maxCommitLogOffset > 0);
    await clock.advanceAndSettle(2_000);
    const reply = await sending;
    expect(reply.code).toBe(ResponseCode.FLUSH_DISK_TIMEOUT);
    expect(sendReply(reply)).toMatchObject({ queueId: 0, queueOffset: 0, transactionId: 'u' });
    release();
    await until(async () => (await broker.messages('TopicA')).length === 1);
  });

  it('marks the store as open while it runs and as closed when it has stopped', async () => {
    const broker = await started();
    const abort = path.join(broker.storeDir, 'abort');
    expect(await exists(abort)).toBe(true);
    await broker.stop();
    expect(await exists(abort)).toBe(false);
  });

  it('writes topics.json as RocketMQ does', async () => {
    const broker = await started();
    await broker.createTopic('TopicA', 3);
    const file = path.join(broker.storeDir, 'config', 'topics.json');
    const stored = JSON.parse(await readFile(file, 'utf8')) as {
      dataVersion: unknown;
      topicConfigTable: Record<string, unknown>;
    };
    expect(stored.dataVersion).toEqual(broker.broker.context.topics.dataVersion);
    expect(stored.topicConfigTable['TopicA']).toEqual({
      topicName: 'TopicA',
      readQueueNums: 3,
      writeQueueNums: 3,
      perm: 6,
      topicFilterType: 'SINGLE_TAG',
      topicSysFlag: 0,
      order: false,
      attributes: {},
    });
  });

  it('does not start on a store that another broker has open, and leaves nothing behind', async () => {
    const broker = await started();
    const second = brokerConfig({ listenPort: 0, storePathRootDir: broker.storeDir });
    await expect(Broker.start(second)).rejects.toMatchObject({ code: 'STORE_FAILED' });
    await broker.createTopic('TopicA');
    expect((await broker.send({ topic: 'TopicA' })).code).toBe(ResponseCode.SUCCESS);
  });

  it('does not start on a port that is taken, and releases its store again', async () => {
    const broker = await started();
    const other = await started();
    const port = Number(broker.broker.address.split(':')[1]);
    await other.stop();
    const taken = brokerConfig({ listenPort: port, storePathRootDir: other.storeDir });
    await expect(Broker.start(taken)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await other.restart();
  });

  it('tells clients the address it is configured to be reached at', async () => {
    const broker = await started({ config: { brokerIP1: '10.1.2.3' } });
    expect(broker.broker.address).toMatch(/^10\.1\.2\.3:\d+$/);
  });

  it('warns when clients are told an address that it does not listen on', async () => {
    const warnings: string[] = [];
    const logger = { ...silentLogger, warn: (message: string) => void warnings.push(message) };
    await started({ logger, config: { brokerIP1: '127.0.0.2' } });
    expect(warnings).toEqual([]);
    await started({ logger, config: { brokerIP1: '10.1.2.3' } });
    expect(warnings).toEqual([
      expect.stringMatching(/10\.1\.2\.3 \(brokerIP1\).*127\.0\.0\.1.*allowNonLoopback=true/),
    ]);
  });

  it('answers a request it does not know with its number', async () => {
    const broker = await started();
    const reply = await broker.request(9999);
    expect(reply.code).toBe(ResponseCode.REQUEST_CODE_NOT_SUPPORTED);
    expect(reply.remark).toContain('9999');
  });

  it('stops listening before it has closed its store', async () => {
    const broker = await started();
    const { address } = broker.broker;
    await broker.stop();
    const { client } = broker;
    const command = { code: 28, serializeType: 0, opaque: 0, flag: 0, version: 409 } as const;
    await expect(
      client.request(address, { ...command, language: 'JAVA' }, { timeoutMs: 5_000 }),
    ).rejects.toMatchObject({ retriable: true });
  });
});
