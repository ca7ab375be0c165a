import { describe, expect, it } from '@jest/globals';
import { MqError } from '../../../mq/errors.ts';
import { RefusedSends } from '../../../mq/broker/refused-sends.ts';
import { requestCommand } from '../../../mq/protocol/frame.ts';
import { encodeProperties } from '../../../mq/protocol/properties.ts';
import { RequestCode } from '../../../mq/protocol/request-code.ts';
import { ResponseCode } from '../../../mq/protocol/response-code.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FaultyFiles } from '../../support/faulty-files.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { ROOT } from '../store/store-under-test.ts';
import { BrokerUnderTest } from './broker-under-test.ts';

describe('messages that a broker does not take', () => {
  it('are found in its log by key and id', async () => {
    const logger = new RecordingLogger();
    await using broker = await BrokerUnderTest.start({ logger });
    const properties = { KEYS: 'NO-4711', UNIQ_KEY: 'AC11' };
    const reply = await broker.send({ topic: 'Nowhere', body: 'x', properties });
    expect(reply.code).not.toBe(0);
    expect(logger.entries).toContainEqual(
      expect.objectContaining({
        level: 'info',
        message: expect.stringMatching(/^refused a message: .*Nowhere/),
        fields: expect.objectContaining({ topic: 'Nowhere', keys: 'NO-4711', msgId: 'AC11' }),
      }),
    );
  });

  it('are found there, too, when the store refuses them after it took them', async () => {
    const disk = new FaultyFiles();
    const logger = new RecordingLogger();
    const options = { logger, clock: new FakeClock(), storeDir: ROOT, files: disk.process() };
    const config = { metricsExporterType: 'PROM', metricsPromExporterPort: 0 } as const;
    await using broker = await BrokerUnderTest.start({ ...options, config });
    await broker.createTopic('Orders', 1);
    const properties = { KEYS: 'NO-4712', UNIQ_KEY: 'AC12' };
    await broker.send({ topic: 'Orders', queueId: 0, properties });
    disk.capacityBytes = 2 ** 40;
    disk.capacityBytes -= disk.diskUsage().freeBytes;
    // No page of the CommitLog has room for it.
    const body = Buffer.alloc(8_192, 1);
    const reply = await broker.send({ topic: 'Orders', queueId: 0, body, properties });
    expect(reply.code).toBe(ResponseCode.SERVICE_NOT_AVAILABLE);
    expect(logger.entries).toContainEqual(
      expect.objectContaining({
        message: expect.stringMatching(/^refused a message: .*ENOSPC/),
        fields: expect.objectContaining({ topic: 'Orders', keys: 'NO-4712', msgId: 'AC12' }),
      }),
    );
    // What is stored can still be had.
    const ready = await fetch(`http://${broker.broker.metricsAddress}/health/ready`);
    expect(ready.status).toBe(200);
    expect(await ready.json()).toMatchObject({
      status: 'up',
      parts: { store: { status: 'up', reason: expect.stringContaining('ENOSPC') } },
    });
    disk.capacityBytes = Infinity;
  });

  it('are ten lines a second at most, and then a number', () => {
    const clock = new FakeClock();
    const logger = new RecordingLogger();
    const refused = new RefusedSends(clock, logger);
    const request = requestCommand({
      code: RequestCode.SEND_MESSAGE_V2,
      extFields: { b: 'Orders', i: encodeProperties(new Map([['KEYS', 'NO-1']])) },
    });
    const full = new MqError('SERVICE_NOT_AVAILABLE', 'the disk is full');
    for (let count = 0; count < 1000; count++) refused.note(request, '1.2.3.4:5', full);
    expect(logger.entries).toHaveLength(10);
    clock.advance(1000);
    expect(logger.entries).toHaveLength(11);
    expect(logger.entries.at(-1)?.fields).toEqual({ count: 990 });
    refused.note(request, '1.2.3.4:5', full);
    expect(logger.entries.at(-1)?.fields).toMatchObject({ keys: 'NO-1' });
  });
});
