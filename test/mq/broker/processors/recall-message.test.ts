import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { MqError } from '../../../../mq/errors.ts';
import type { RemotingCommand } from '../../../../mq/protocol/frame.ts';
import { encodeRecallHandle } from '../../../../mq/protocol/recall-handle.ts';
import { recallMessage } from '../../../../mq/protocol/requests/recall-message.ts';
import { ResponseCode } from '../../../../mq/protocol/response-code.ts';
import { MessageStore } from '../../../../mq/store/message-store.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { BrokerUnderTest, sendReply } from '../broker-under-test.ts';

const MINUTE = 60_000;
const START = Date.parse('2030-01-01T00:00:00Z');

let clock: FakeClock;
let broker: BrokerUnderTest;

beforeEach(async () => {
  clock = new FakeClock(START);
  broker = await BrokerUnderTest.start({ clock });
  await broker.createTopic('TopicA');
});

afterEach(async () => {
  await broker[Symbol.asyncDispose]();
});

async function park(msgId: string, properties?: Record<string, string>): Promise<string> {
  const reply = await broker.send({
    topic: 'TopicA',
    body: msgId,
    properties: properties ?? { TIMER_DELAY_MS: String(MINUTE), UNIQ_KEY: msgId },
  });
  return sendReply(reply).recallHandle!;
}

function recall(recallHandle: string, topic = 'TopicA'): Promise<RemotingCommand> {
  const header = { producerGroup: 'pg', topic, recallHandle };
  return broker.request(recallMessage.code, recallMessage.encodeRequest(header));
}

/** Does `before` first whenever a record is read by its queue entry, in any store. */
function readsOfTimers(before: () => Promise<void>): { mockRestore(): void } {
  const original: MessageStore['readRecord'] = Reflect.get(MessageStore.prototype, 'readRecord');
  const read = jest.spyOn(MessageStore.prototype, 'readRecord');
  read.mockImplementation(async function (this: MessageStore, offset, sizeBytes) {
    if (sizeBytes !== undefined) await before();
    return original.call(this, offset, sizeBytes);
  });
  return read;
}

/** Holds the first such read until `release`: a start begins with its recalls. */
function holdFirstRead(): { read: { mockRestore(): void }; release: () => void } {
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  let count = 0;
  const read = readsOfTimers(() => (count++ === 0 ? held : Promise.resolve()));
  return { read, release };
}

async function delivered(): Promise<string[]> {
  await broker.broker.context.timers.settled();
  return (await broker.messages('TopicA')).map(({ body }) => body.toString());
}

describe('recalling a message', () => {
  it('keeps it from being delivered, and no other that is due at the same time', async () => {
    await park('before');
    const handle = await park('gone');
    await park('behind');
    const reply = await recall(handle);
    expect(reply.code).toBe(ResponseCode.SUCCESS);
    expect(recallMessage.decodeResponse(reply.extFields)).toEqual({
      msgId: 'gone',
      MSG_REGION: 'DefaultRegion',
    });
    await clock.advanceAndSettle(MINUTE);
    expect(await delivered()).toEqual(['before', 'behind']);
    expect(broker.broker.context.timers.size).toBe(0);
  });

  it('succeeds twice', async () => {
    const handle = await park('m');
    await recall(handle);
    expect((await recall(handle)).code).toBe(ResponseCode.SUCCESS);
    await clock.advanceAndSettle(MINUTE);
    expect(await delivered()).toEqual([]);
  });

  it.each([false, true])(
    'outlasts another of the same message that is due before it (restart: %s)',
    async (isRestarted) => {
      const handle = await park('m', { TIMER_DELAY_MS: String(60 * MINUTE), UNIQ_KEY: 'm' });
      for (let minute = 1; minute < 10; minute++) {
        await park(`n${minute}`, { TIMER_DELAY_MS: String(minute * MINUTE) });
      }
      expect((await recall(handle)).code).toBe(ResponseCode.SUCCESS);
      await park('x', { TIMER_DELAY_MS: '1000', TIMER_DEL_UNIQKEY: 'TopicA+m', UNIQ_KEY: 'x' });
      if (isRestarted) await broker.restart();
      await clock.advanceAndSettle(61 * MINUTE);
      const names = await delivered();
      expect(names).toHaveLength(9);
      expect(names).not.toContain('m');
    },
  );

  it('takes back the one whose id has a blank in it', async () => {
    const handle = await park('m 1');
    await park('m');
    expect((await recall(handle)).code).toBe(ResponseCode.SUCCESS);
    await clock.advanceAndSettle(MINUTE);
    expect(await delivered()).toEqual(['m']);
  });

  it('survives a restart', async () => {
    const handle = await park('m');
    await recall(handle);
    await broker.restart();
    await broker.restart();
    await clock.advanceAndSettle(2 * MINUTE);
    expect(await delivered()).toEqual([]);
  });

  it('is not waited for by a start: a hundred thousand of them took it eight seconds', async () => {
    const handle = await park('m');
    await recall(handle);
    await broker.stop();
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const read = readsOfTimers(() => held);
    await broker.restart();
    await clock.advanceAndSettle(MINUTE);
    expect(await broker.messages('TopicA')).toEqual([]);
    read.mockRestore();
    release();
    expect(await delivered()).toEqual([]);
    expect(broker.broker.context.timers.size).toBe(0);
  });

  it('holds nothing back after a start that is due long before it', async () => {
    const handle = await park('m', { TIMER_DELAY_MS: String(30 * MINUTE), UNIQ_KEY: 'm' });
    await park('soon');
    await recall(handle);
    await broker.stop();
    const { read, release } = holdFirstRead();
    await broker.restart();
    await clock.advanceAndSettle(2 * MINUTE);
    expect(await delivered()).toEqual(['soon']);
    await clock.advanceAndSettle(30 * MINUTE);
    expect(await broker.messages('TopicA')).toHaveLength(1);
    read.mockRestore();
    release();
    expect(await delivered()).toEqual(['soon']);
  });

  it('meets after a start the first of two copies of its message, too, which was due before it', async () => {
    await park('m', { TIMER_DELAY_MS: String(MINUTE), UNIQ_KEY: 'm' });
    await recall(await park('m', { TIMER_DELAY_MS: String(1.5 * MINUTE), UNIQ_KEY: 'm' }));
    await broker.stop();
    const { read, release } = holdFirstRead();
    await broker.restart();
    await clock.advanceAndSettle(MINUTE);
    expect(await broker.messages('TopicA')).toEqual([]);
    read.mockRestore();
    release();
    await clock.advanceAndSettle(MINUTE);
    expect(await delivered()).toEqual([]);
  });

  it('that is read after a start while another of the same message is refused still counts', async () => {
    const handle = await park('m');
    await recall(handle);
    await broker.stop();
    const { read, release } = holdFirstRead();
    await broker.restart();
    const append = jest.spyOn(broker.broker.store, 'append');
    let refuse = (_cause: Error): void => undefined;
    append.mockImplementationOnce(() => new Promise((_resolve, reject) => void (refuse = reject)));
    const recalling = recall(handle);
    while (append.mock.calls.length === 0) {
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    read.mockRestore();
    release();
    await clock.advanceAndSettle(30_000);
    refuse(new MqError('SERVICE_NOT_AVAILABLE', 'the disk is full'));
    expect((await recalling).code).toBe(ResponseCode.SERVICE_NOT_AVAILABLE);
    append.mockRestore();
    await clock.advanceAndSettle(MINUTE);
    expect(await delivered()).toEqual([]);
  });

  it('that cannot be read after a restart holds its message back until it can', async () => {
    await recall(await park('m'));
    await broker.stop();
    const read = readsOfTimers(() => Promise.reject(new Error('EIO')));
    await broker.restart();
    await clock.advanceAndSettle(MINUTE);
    expect(await broker.messages('TopicA')).toEqual([]);
    read.mockRestore();
    await clock.advanceAndSettle(2_000);
    expect(await delivered()).toEqual([]);
    expect(broker.broker.context.timers.size).toBe(0);
  });

  it('is stored as the original stores it', async () => {
    await recall(await park('m'));
    const [, stored] = await broker.messages('rmq_sys_wheel_timer');
    expect(stored?.body.toString()).toBe('0');
    expect(Object.fromEntries(stored!.properties)).toMatchObject({
      TAGS: '_RECALL_TAG_',
      TIMER_DEL_UNIQKEY: 'TopicA+m',
      UNIQ_KEY: 'm',
      TIMER_OUT_MS: String(START + MINUTE),
      REAL_TOPIC: 'TopicA',
      PGROUP: 'pg',
    });
  });

  it('comes too late once the message is delivered', async () => {
    const handle = await park('m');
    await clock.advanceAndSettle(MINUTE);
    expect(await delivered()).toEqual(['m']);
    const reply = await recall(handle);
    expect(reply.code).toBe(ResponseCode.ILLEGAL_OPERATION);
    expect(reply.remark).toContain(String(START + MINUTE));
  });

  it('is refused when nothing waits for that time', async () => {
    await park('m');
    const timestampMs = START + 2 * MINUTE;
    const handle = { topic: 'TopicA', brokerName: 'broker-a', timestampMs, msgId: 'm' };
    const reply = await recall(encodeRecallHandle(handle));
    expect(reply.code).toBe(ResponseCode.ILLEGAL_OPERATION);
  });

  it('that cannot be stored leaves the message to be delivered', async () => {
    const handle = await park('m');
    const append = jest.spyOn(broker.broker.store, 'append');
    append.mockRejectedValueOnce(new MqError('SERVICE_NOT_AVAILABLE', 'the disk is full'));
    expect((await recall(handle)).code).toBe(ResponseCode.SERVICE_NOT_AVAILABLE);
    append.mockRestore();
    await clock.advanceAndSettle(MINUTE);
    expect(await delivered()).toEqual(['m']);
  });

  it('holds the message back until it is decided, when that becomes due meanwhile', async () => {
    const handle = await park('m');
    const { store } = broker.broker;
    const append = jest.spyOn(store, 'append');
    let refuse = (_cause: Error): void => undefined;
    append.mockImplementationOnce(() => new Promise((_resolve, reject) => void (refuse = reject)));
    const recalling = recall(handle);
    while (append.mock.calls.length === 0) {
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    await clock.advanceAndSettle(MINUTE);
    expect(await broker.messages('TopicA')).toEqual([]);
    refuse(new MqError('SERVICE_NOT_AVAILABLE', 'the disk is full'));
    expect((await recalling).code).toBe(ResponseCode.SERVICE_NOT_AVAILABLE);
    expect(await delivered()).toEqual(['m']);
  });

  it('works as the property of a message, as before 5.3', async () => {
    await park('m');
    await park('n');
    const stop = await broker.send({
      topic: 'TopicA',
      properties: {
        TIMER_DELIVER_MS: String(START + MINUTE),
        TIMER_DEL_UNIQKEY: 'm',
        UNIQ_KEY: 'x',
      },
    });
    expect(stop.code).toBe(ResponseCode.SUCCESS);
    await clock.advanceAndSettle(2 * MINUTE);
    expect(await delivered()).toEqual(['n']);
    const late = await broker.send({
      topic: 'TopicA',
      properties: { TIMER_DELIVER_MS: String(START), TIMER_DEL_UNIQKEY: 'TopicA+n' },
    });
    expect(late.code).toBe(ResponseCode.MESSAGE_ILLEGAL);
  });

  it('as the property of a message takes back none of another topic', async () => {
    await park('m');
    await broker.createTopic('TopicB');
    const sent = await broker.send({
      topic: 'TopicB',
      properties: { TIMER_DELIVER_MS: String(START + MINUTE), TIMER_DEL_UNIQKEY: 'TopicA+m' },
    });
    expect(sent.code).toBe(ResponseCode.SUCCESS);
    await clock.advanceAndSettle(2 * MINUTE);
    expect(await delivered()).toEqual(['m']);
  });

  it('as the property of a message needs the setting, too', async () => {
    await park('m');
    await broker.restart({ recallMessageEnable: false });
    const sent = await broker.send({
      topic: 'TopicA',
      properties: { TIMER_DELIVER_MS: String(START + MINUTE), TIMER_DEL_UNIQKEY: 'TopicA+m' },
    });
    expect(sent.code).toBe(ResponseCode.NO_PERMISSION);
    await clock.advanceAndSettle(2 * MINUTE);
    expect(await delivered()).toEqual(['m']);
  });

  it.each([
    ['no handle', 'garbage!', 'recall handle is invalid'],
    ['an empty one', '', 'recall handle is invalid'],
    ['one of another version', Buffer.from('v2 a b 1 c').toString('base64url'), 'invalid'],
    ['one that ends early', Buffer.from('v1 TopicA broker-a 1').toString('base64url'), 'invalid'],
    [
      'one of another topic',
      encodeRecallHandle({ topic: 'B', brokerName: 'broker-a', timestampMs: 1, msgId: 'm' }),
      'topic not match',
    ],
    [
      'one of another broker',
      encodeRecallHandle({ topic: 'TopicA', brokerName: 'x', timestampMs: 1, msgId: 'm' }),
      'broker service not available',
    ],
  ])('with %s is refused', async (_what, handle, remark) => {
    const reply = await recall(handle);
    expect(reply.code).toBe(ResponseCode.ILLEGAL_OPERATION);
    expect(reply.remark).toContain(remark);
  });

  it('needs the topic, the permission and the setting', async () => {
    const handle = await park('m');
    expect((await recall(handle, 'TopicB')).code).toBe(ResponseCode.TOPIC_NOT_EXIST);
    await broker.restart({ recallMessageEnable: false });
    expect((await recall(handle)).code).toBe(ResponseCode.NO_PERMISSION);
    await broker.restart({ brokerPermission: 4 });
    expect((await recall(handle)).code).toBe(ResponseCode.SERVICE_NOT_AVAILABLE);
  });
});
