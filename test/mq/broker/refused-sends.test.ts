import { describe, expect, it } from '@jest/globals';
import { MqError } from '../../../mq/errors.ts';
import { RefusedSends } from '../../../mq/broker/refused-sends.ts';
import { requestCommand } from '../../../mq/protocol/frame.ts';
import { encodeProperties } from '../../../mq/protocol/properties.ts';
import { RequestCode } from '../../../mq/protocol/request-code.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
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
    refused.note(request, '1.2.3.4:5', full);
    expect(logger.entries.at(-1)?.fields).toMatchObject({ keys: 'NO-1', unlogged: 990 });
  });
});
