import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { deflateSync } from 'node:zlib';
import type { ConsumedMessage } from '../../../mq/client/consumed-message.ts';
import type { CheckLocalTransaction } from '../../../mq/client/transaction-checks.ts';
import type { TransactionProducerOptions } from '../../../mq/client/transaction-producer-options.ts';
import { TransactionProducer } from '../../../mq/client/transaction-producer.ts';
import type { LocalTransactionState } from '../../../mq/client/transaction-state.ts';
import { MqError } from '../../../mq/errors.ts';
import { consoleLogger } from '../../../mq/logger.ts';
import { decodeFrame, type RemotingCommand } from '../../../mq/protocol/frame.ts';
import { decodeProperties } from '../../../mq/protocol/properties.ts';
import { RequestCode } from '../../../mq/protocol/request-code.ts';
import { ResponseCode } from '../../../mq/protocol/response-code.ts';
import { capturedFrames } from '../../support/captured-frames.ts';
import { until, within } from '../../support/deadline.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { closeOpened, open } from '../../support/opened.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import {
  record,
  routeOver,
  scriptedBroker,
  scriptedNameServer,
  stored,
  type RecordOptions,
  type Routes,
} from './scripted-cluster.ts';
import type { ScriptedPeer } from './scripted-peer.ts';

const SEND = RequestCode.SEND_MESSAGE_V2;
const END = RequestCode.END_TRANSACTION;

let routes: Routes;
let a: ScriptedPeer;
let nameServer: ScriptedPeer;
let logger: RecordingLogger;

function producer(
  checkLocalTransaction: CheckLocalTransaction,
  options: Partial<TransactionProducerOptions> = {},
): TransactionProducer {
  return open(
    new TransactionProducer({
      namesrvAddr: nameServer.address,
      producerGroup: 'g',
      sendTimeoutMs: 30_000,
      shutdownGraceMs: 1,
      logger,
      checkLocalTransaction,
      ...options,
    }),
  );
}

const unasked: CheckLocalTransaction = () => {
  throw new Error('nobody should have asked');
};

beforeEach(async () => {
  logger = new RecordingLogger();
  a = open(takingEnds(await scriptedBroker()));
  routes = { T: routeOver([a]) };
  nameServer = open(await scriptedNameServer(routes));
});

afterEach(closeOpened);

function takingEnds(peer: ScriptedPeer): ScriptedPeer {
  return peer.on(END, () => undefined);
}

async function ends(count: number, peer = a): Promise<RemotingCommand[]> {
  await until(() => peer.requests(END).length >= count, { what: `${count} END_TRANSACTION` });
  return peer.requests(END);
}

interface CheckOptions extends Partial<RecordOptions> {
  msgId?: string;
  group?: string;
  offset?: number;
}

/** What a broker sends to ask after a transaction; `offset` differs each time the half message is put anew. */
function check({ msgId = 'tx', group = 'g', offset = 9, ...options }: CheckOptions = {}) {
  return {
    code: RequestCode.CHECK_TRANSACTION_STATE,
    extFields: {
      tranStateTableOffset: String(offset),
      commitLogOffset: String(offset * 100),
      msgId,
      transactionId: msgId,
      offsetMsgId: stored.msgId,
    },
    body: record({
      queueOffset: offset,
      properties: { UNIQ_KEY: msgId, TRAN_MSG: 'true', PGROUP: group },
      ...options,
    }),
  };
}

/** A callback that is under way until the test says what becomes of it. */
function held(): {
  calls: number;
  callback: () => Promise<LocalTransactionState>;
  end: (state: LocalTransactionState) => void;
} {
  const ended: ((state: LocalTransactionState) => void)[] = [];
  const work = {
    calls: 0,
    callback: () => {
      work.calls++;
      return new Promise<LocalTransactionState>((resolve) => ended.push(resolve));
    },
    end: (state: LocalTransactionState) => ended.shift()!(state),
  };
  return work;
}

describe('sendMessageInTransaction', () => {
  it('marks the half message as Java does', async () => {
    const sender = producer(unasked);
    const body = 'x'.repeat(5000);
    const { msgId } = await sender.sendMessageInTransaction(
      { topic: 'T', body, keys: 'order-1' },
      () => 'COMMIT_MESSAGE',
      { checkImmunityTimeSeconds: 60 },
    );
    const { extFields } = a.requests(SEND)[0]!;
    expect(extFields).toMatchObject({ a: 'g', b: 'T', f: String(0x301 | 0x4), m: 'false' });
    expect(Object.fromEntries(decodeProperties(extFields?.['i'] ?? ''))).toEqual({
      KEYS: 'order-1',
      UNIQ_KEY: msgId,
      WAIT: 'true',
      TRAN_MSG: 'true',
      PGROUP: 'g',
      CHECK_IMMUNITY_TIME_IN_SECONDS: '60',
    });
  });

  it.each([
    ['COMMIT_MESSAGE', '8'],
    ['ROLLBACK_MESSAGE', '12'],
    ['UNKNOW', '0'],
  ] as const)('tells the broker of %s, oneway, with what its reply said', async (state, code) => {
    a.answer(SEND, { extFields: { ...stored, msgId: '7F000001000051AF0000000000000A5F' } });
    const seen: unknown[] = [];
    const result = await producer(unasked).sendMessageInTransaction(
      { topic: 'T', body: 'x' },
      (sent) => {
        seen.push(sent);
        expect(a.requests(END)).toHaveLength(0);
        return state;
      },
    );
    expect(result).toMatchObject({
      status: 'SEND_OK',
      transactionId: result.msgId,
      localTransactionState: state,
      queueOffset: 7,
    });
    expect(seen).toEqual([{ msgId: result.msgId, transactionId: result.msgId }]);
    const [end] = await ends(1);
    expect(end).toMatchObject({ flag: 2 });
    expect(end?.remark).toBeUndefined();
    expect(end?.extFields).toEqual({
      topic: 'T',
      producerGroup: 'g',
      tranStateTableOffset: '7',
      commitLogOffset: String(0xa5f),
      commitOrRollback: code,
      fromTransactionCheck: 'false',
      msgId: result.msgId,
      transactionId: result.msgId,
      bname: 'broker-a',
    });
  });

  it('sends every field that a Java producer sends', async () => {
    await producer(unasked).sendMessageInTransaction(
      { topic: 'T', body: 'x' },
      () => 'COMMIT_MESSAGE',
    );
    const [end] = await ends(1);
    const javas = capturedFrames().filter(({ requestCode }) => requestCode === END);
    expect(javas.length).toBeGreaterThan(0);
    for (const { bytes } of javas) {
      const java = decodeFrame(bytes);
      expect(java.flag).toBe(end?.flag);
      expect(Object.keys(end?.extFields ?? {})).toEqual(
        expect.arrayContaining(Object.keys(java.extFields ?? {})),
      );
    }
  });

  it('fails as the local transaction did, and leaves the decision to a check', async () => {
    const failure = new Error('the row is locked');
    const sending = producer(unasked).sendMessageInTransaction({ topic: 'T', body: 'x' }, () => {
      throw failure;
    });
    await expect(sending).rejects.toBe(failure);
    const [end] = await ends(1);
    expect(end?.extFields).toMatchObject({ commitOrRollback: '0' });
    expect(end?.remark).toBe('the local transaction failed: Error: the row is locked');
  });

  it('leaves the decision to a check also when what the local transaction threw cannot be made a text', async () => {
    const failure: unknown = Object.create(null);
    const sender = producer(() => 'COMMIT_MESSAGE');
    const sending = sender.sendMessageInTransaction({ topic: 'T', body: 'x' }, () => {
      throw failure;
    });
    await expect(sending).rejects.toBe(failure);
    const [end] = await ends(1);
    expect(end?.extFields).toMatchObject({ commitOrRollback: '0' });
    a.notify(check({ msgId: end!.extFields!['msgId']! }));
    expect((await ends(2))[1]?.extFields).toMatchObject({ commitOrRollback: '8' });
  });

  it.each([
    ['nothing', undefined, 'undefined'],
    ['a misspelling', 'COMMIT', "'COMMIT'"],
    ['the name of a property of every object', 'toString', "'toString'"],
    ['an object', { state: 'COMMIT_MESSAGE' }, "{ state: 'COMMIT_MESSAGE' }"],
  ])('takes %s for UNKNOW, and says what was returned', async (_what, returned, shown) => {
    const sending = producer(unasked).sendMessageInTransaction(
      { topic: 'T', body: 'x' },
      () => returned as never,
    );
    await expect(sending).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: `executeLocalTransaction returned ${shown}, not one of COMMIT_MESSAGE, ROLLBACK_MESSAGE, UNKNOW`,
    });
    expect((await ends(1))[0]?.extFields).toMatchObject({ commitOrRollback: '0' });
  });

  it.each(['FLUSH_DISK_TIMEOUT', 'FLUSH_SLAVE_TIMEOUT', 'SLAVE_NOT_AVAILABLE'] as const)(
    'rolls back without running the local transaction when the half message was answered %s',
    async (status) => {
      a.answer(SEND, { code: ResponseCode[status], extFields: stored });
      const result = await producer(unasked).sendMessageInTransaction(
        { topic: 'T', body: 'x' },
        () => {
          throw new Error('must not run');
        },
      );
      expect(result).toMatchObject({ status, localTransactionState: 'ROLLBACK_MESSAGE' });
      const [end] = await ends(1);
      expect(end?.extFields).toMatchObject({ commitOrRollback: '12' });
      expect(end?.remark).toBe(`the half message was answered ${status}`);
    },
  );

  it('does not run the local transaction when the half message is refused', async () => {
    a.answer(SEND, { code: ResponseCode.NO_PERMISSION, remark: 'rejectTransactionMessage' });
    let isRun = false;
    const sending = producer(unasked).sendMessageInTransaction({ topic: 'T', body: 'x' }, () => {
      isRun = true;
      return 'COMMIT_MESSAGE';
    });
    await expect(sending).rejects.toMatchObject({ code: 'NO_PERMISSION' });
    expect(isRun).toBe(false);
    expect(a.requests(END)).toEqual([]);
  });

  it.each([
    { delayTimeLevel: 3 },
    { delayTimeMs: 5000 },
    { deliverTimeMs: 1 },
    { delayTimeMs: 0 },
    { deliverTimeMs: 0 },
  ])('refuses a message with %j, and sends nothing', async (delay) => {
    const [name] = Object.keys(delay);
    await expect(
      producer(unasked).sendMessageInTransaction(
        { topic: 'T', body: 'x', ...delay },
        () => 'COMMIT_MESSAGE',
      ),
    ).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(`${name} and a transaction exclude each other`) as unknown,
    });
    expect(a.received).toEqual([]);
  });

  it('ends the transaction at the broker that took the half message', async () => {
    const b = open(takingEnds(await scriptedBroker()));
    a.answer(SEND, { code: ResponseCode.SYSTEM_BUSY, remark: 'busy' });
    routes['T'] = routeOver([a, b]);
    const sender = producer(unasked);
    for (let count = 1; count <= 3; count++) {
      await sender.sendMessageInTransaction({ topic: 'T', body: 'x' }, () => 'COMMIT_MESSAGE');
      await ends(count, b);
    }
    expect(a.requests(END)).toEqual([]);
  });

  it('reaches the broker that was restarted while the local transaction ran', async () => {
    const local = held();
    const sender = producer(unasked);
    const sending = sender.sendMessageInTransaction({ topic: 'T', body: 'x' }, local.callback);
    await until(() => local.calls === 1);
    await until(() => sender.knownBrokers().length === 1);
    await a.vanish();
    await until(() => sender.knownBrokers().length === 0);
    await a.reopen();
    await until(() => sender.knownBrokers().length === 1);
    local.end('COMMIT_MESSAGE');
    await expect(sending).resolves.toMatchObject({ localTransactionState: 'COMMIT_MESSAGE' });
    expect((await ends(1))[0]?.extFields).toMatchObject({ commitOrRollback: '8' });
  });

  it('returns what was decided when the broker is gone, and repeats it when the broker asks', async () => {
    const sender = producer(unasked);
    const { msgId } = await sender.sendMessageInTransaction({ topic: 'T', body: 'x' }, async () => {
      await until(() => sender.knownBrokers().length === 1);
      await a.vanish();
      await until(() => sender.knownBrokers().length === 0);
      return 'COMMIT_MESSAGE' as const;
    });
    expect(logger.messages('warn')).toContain(
      'the outcome of a transaction could not be sent; its broker will ask after it',
    );
    await a.reopen();
    await until(() => sender.knownBrokers().length === 1);
    a.notify(check({ msgId }));
    expect((await ends(1))[0]?.extFields).toMatchObject({
      commitOrRollback: '8',
      fromTransactionCheck: 'true',
      tranStateTableOffset: '9',
      commitLogOffset: '900',
    });
  });

  it('sends in the binary header encoding when told to', async () => {
    await producer(unasked, { serializeType: 'ROCKETMQ' }).sendMessageInTransaction(
      { topic: 'T', body: 'x' },
      () => 'COMMIT_MESSAGE',
    );
    expect((await ends(1))[0]?.serializeType).toBe(1);
  });
});

describe('a check', () => {
  it('comes to a producer that has sent nothing yet', async () => {
    const asked: ConsumedMessage[] = [];
    const sender = producer((message) => {
      asked.push(message);
      return 'COMMIT_MESSAGE';
    });
    await sender.start();
    expect(sender.knownBrokers()).toEqual([a.address]);
    const body = Buffer.from('order 1');
    a.notify(check({ body: deflateSync(body), sysFlag: 0x301 | 0x4, topic: 'T' }));
    const [end] = await ends(1);
    expect(end).toMatchObject({ flag: 2 });
    expect(end?.extFields).toEqual({
      topic: 'T',
      producerGroup: 'g',
      tranStateTableOffset: '9',
      commitLogOffset: '900',
      commitOrRollback: '8',
      fromTransactionCheck: 'true',
      msgId: 'tx',
      transactionId: 'tx',
    });
    expect(asked[0]?.text()).toBe('order 1');
    expect(asked[0]).toMatchObject({ topic: 'T', msgId: 'tx' });
  });

  it('of a Java broker is understood', async () => {
    const asked: ConsumedMessage[] = [];
    const sender = producer(
      (message) => {
        asked.push(message);
        return 'ROLLBACK_MESSAGE';
      },
      { producerGroup: 'tpg' },
    );
    await sender.start();
    const frames = capturedFrames().filter(
      ({ requestCode }) => requestCode === RequestCode.CHECK_TRANSACTION_STATE,
    );
    expect(frames.length).toBeGreaterThan(0);
    for (const { bytes } of frames) a.write(bytes);
    const answers = await ends(frames.length);
    for (const [index, { bytes }] of frames.entries()) {
      const java = decodeFrame(bytes).extFields!;
      expect(answers.map(({ extFields }) => extFields)).toContainEqual(
        expect.objectContaining({
          tranStateTableOffset: java['tranStateTableOffset'],
          commitLogOffset: java['commitLogOffset'],
          msgId: java['msgId'],
          transactionId: java['transactionId'],
          commitOrRollback: '12',
        }),
      );
      expect(asked[index]?.properties.get('PGROUP')).toBe('tpg');
      expect(asked[index]?.topic).not.toBe('RMQ_SYS_TRANS_HALF_TOPIC');
    }
  });

  it('is UNKNOW while the local transaction runs here, whatever the database would say', async () => {
    const local = held();
    const sender = producer(unasked);
    const sending = sender.sendMessageInTransaction({ topic: 'T', body: 'x' }, local.callback);
    await until(() => local.calls === 1);
    const msgId = decodeProperties(a.requests(SEND)[0]?.extFields?.['i'] ?? '').get('UNIQ_KEY')!;
    a.notify(check({ msgId }));
    const [first] = await ends(1);
    expect(first?.extFields).toMatchObject({ commitOrRollback: '0', fromTransactionCheck: 'true' });
    expect(first?.remark).toBe('the local transaction is still running');
    local.end('COMMIT_MESSAGE');
    await sending;
    a.notify(check({ msgId, offset: 11 }));
    const all = await ends(3);
    expect(all.map(({ extFields }) => extFields?.['commitOrRollback'])).toEqual(['0', '8', '8']);
    expect(all[2]?.extFields).toMatchObject({ tranStateTableOffset: '11' });
  });

  it('is UNKNOW while it is not known here whether the half message is stored', async () => {
    let answer = (): void => undefined;
    a.on(SEND, (_request, reply) => {
      answer = () => reply({ code: 0, extFields: stored });
    });
    const sending = producer(unasked).sendMessageInTransaction(
      { topic: 'T', body: 'x' },
      () => 'COMMIT_MESSAGE',
    );
    await until(() => a.requests(SEND).length === 1);
    const msgId = decodeProperties(a.requests(SEND)[0]?.extFields?.['i'] ?? '').get('UNIQ_KEY')!;
    a.notify(check({ msgId }));
    expect((await ends(1))[0]?.extFields).toMatchObject({ commitOrRollback: '0' });
    answer();
    await sending;
  });

  it('of a half message whose send failed here is a rollback: its local transaction never ran', async () => {
    const clock = new FakeClock();
    a.on(SEND, () => clock.advance(16_000));
    const sending = producer(unasked, {
      clock,
      retryTimesWhenSendFailed: 0,
      sendTimeoutMs: 15_000,
    }).sendMessageInTransaction({ topic: 'T', body: 'x' }, () => 'COMMIT_MESSAGE');
    await expect(sending).rejects.toMatchObject({ code: 'REQUEST_TIMEOUT' });
    const msgId = decodeProperties(a.requests(SEND)[0]?.extFields?.['i'] ?? '').get('UNIQ_KEY')!;
    a.notify(check({ msgId }));
    expect((await ends(1))[0]?.extFields).toMatchObject({ commitOrRollback: '12' });
  });

  it('asks the checker after a local transaction that was UNKNOW, and repeats what it says', async () => {
    let calls = 0;
    const sender = producer(() => {
      calls++;
      return calls === 1 ? 'UNKNOW' : calls === 2 ? 'COMMIT_MESSAGE' : 'ROLLBACK_MESSAGE';
    });
    const { msgId } = await sender.sendMessageInTransaction(
      { topic: 'T', body: 'x' },
      () => 'UNKNOW',
    );
    for (let count = 2; count <= 4; count++) {
      a.notify(check({ msgId, offset: count }));
      await ends(count);
    }
    const said = a.requests(END).map(({ extFields }) => extFields?.['commitOrRollback']);
    expect(said).toEqual(['0', '0', '8', '8']);
    expect(calls).toBe(2);
  });

  it('that throws is UNKNOW with a remark, and so is nonsense', async () => {
    const sender = producer(({ msgId }) => {
      if (msgId === 'throws') throw new TypeError('no such order');
      if (msgId === 'throws nonsense') throw Object.create(null);
      return 'YES' as never;
    });
    await sender.start();
    a.notify(check({ msgId: 'throws' }));
    await ends(1);
    a.notify(check({ msgId: 'nonsense' }));
    await ends(2);
    a.notify(check({ msgId: 'throws nonsense' }));
    const answers = await ends(3);
    for (const { extFields } of answers) expect(extFields).toMatchObject({ commitOrRollback: '0' });
    expect(answers.map(({ remark }) => remark)).toEqual([
      'the check failed: TypeError: no such order',
      expect.stringContaining("checkLocalTransaction returned 'YES'"),
      'the check failed: [Object: null prototype] {}',
    ]);
  });

  it('that throws what no log line and no remark can hold is UNKNOW all the same', async () => {
    const circular: Record<string, unknown> = {};
    circular['itself'] = circular;
    const unspeakable = Object.assign(new Error(), { message: Object.create(null) as string });
    const lines: string[] = [];
    const sender = producer(
      ({ msgId }) => {
        throw msgId === 'circular' ? circular : unspeakable;
      },
      { logger: consoleLogger('warn', (line) => void lines.push(line)) },
    );
    await sender.start();
    a.notify(check({ msgId: 'circular' }));
    await ends(1);
    a.notify(check({ msgId: 'unspeakable' }));
    const answers = await ends(2);
    for (const { extFields } of answers) expect(extFields).toMatchObject({ commitOrRollback: '0' });
    expect(answers[1]?.remark).toBe('the check failed: with what cannot be shown');
    expect(lines[0]).toContain('msgId=circular error="(cannot be shown)"');
  });

  it('with a body that cannot be inflated is UNKNOW, and the checker is not called', async () => {
    const sender = producer(unasked);
    await sender.start();
    a.notify(check({ body: 'no zlib stream', sysFlag: 0x301 }));
    const [end] = await ends(1);
    expect(end?.extFields).toMatchObject({ commitOrRollback: '0' });
    expect(end?.remark).toContain('MqError: body of 14 bytes is not a zlib stream');
  });

  it('of another group is not answered but logged', async () => {
    const sender = producer(() => 'COMMIT_MESSAGE');
    await sender.start();
    a.notify(check({ group: 'other', msgId: 'theirs' }));
    a.notify(check({ msgId: 'ours' }));
    expect((await ends(1)).map(({ extFields }) => extFields?.['msgId'])).toEqual(['ours']);
    expect(logger.entries).toContainEqual({
      level: 'warn',
      message: 'ignored the check of a transaction of another producer group',
      fields: expect.objectContaining({ group: 'other', producerGroup: 'g', msgId: 'theirs' }),
    });
  });

  it.each([
    ['without offsets', { ...check(), extFields: {} }],
    ['without a body', { ...check(), body: undefined }],
    ['cut short', { ...check(), body: check().body.subarray(0, 100) }],
  ])('%s harms nothing', async (_how, broken) => {
    const sender = producer(() => 'COMMIT_MESSAGE');
    await sender.start();
    a.notify(broken);
    a.notify(check());
    await ends(1);
    expect(a.connectionCount).toBe(1);
  });

  it('is put to the checker once while brokers repeat it, and answered with the latest offsets to each', async () => {
    const b = open(takingEnds(await scriptedBroker()));
    routes['T'] = routeOver([a, b]);
    const checker = held();
    const sender = producer(checker.callback);
    await sender.start();
    a.notify(check({ offset: 9 }));
    await until(() => checker.calls === 1);
    a.notify(check({ offset: 10 }));
    b.notify(check({ offset: 77 }));
    // Both have been read when what came after them on the same connections has.
    for (const peer of [a, b]) peer.notify(check({ group: 'other' }));
    await until(() => logger.messages('warn').length === 2);
    checker.end('ROLLBACK_MESSAGE');
    const [atA] = await ends(1, a);
    const [atB] = await ends(1, b);
    expect(atA?.extFields).toMatchObject({ tranStateTableOffset: '10', commitOrRollback: '12' });
    expect(atB?.extFields).toMatchObject({ tranStateTableOffset: '77', commitOrRollback: '12' });
    expect(checker.calls).toBe(1);
  });

  it('holds back neither the connection nor more than checkConcurrency others', async () => {
    const checker = held();
    const sender = producer(checker.callback, { checkConcurrency: 2 });
    await sender.start();
    for (const msgId of ['1', '2', '3']) a.notify(check({ msgId }));
    await until(() => checker.calls === 2);
    await expect(
      sender.sendMessageInTransaction({ topic: 'T', body: 'x' }, () => 'COMMIT_MESSAGE'),
    ).resolves.toMatchObject({ status: 'SEND_OK' });
    expect(checker.calls).toBe(2);
    checker.end('COMMIT_MESSAGE');
    await until(() => checker.calls === 3);
    checker.end('COMMIT_MESSAGE');
    checker.end('COMMIT_MESSAGE');
    expect((await ends(4)).map(({ extFields }) => extFields?.['msgId'])).toEqual(
      expect.arrayContaining(['1', '2', '3']),
    );
  });

  it('that waited longest is left to the broker when over 1,000 wait', async () => {
    const checker = held();
    const sender = producer(checker.callback, { checkConcurrency: 1 });
    await sender.start();
    for (let index = 0; index <= 1_001; index++) a.notify(check({ msgId: `tx-${index}` }));
    const dropped = (): unknown[] =>
      logger.entries.filter(({ message }) => message.startsWith('dropped')).map((e) => e.fields);
    await until(() => dropped().length === 1);
    expect(dropped()).toEqual([{ msgId: 'tx-1', limit: 1_000, limitBytes: 64 * 1024 * 1024 }]);
  });

  it('that hangs is UNKNOW after checkTimeoutMs, and what it says then counts no more', async () => {
    const clock = new FakeClock();
    const checker = held();
    const signals: AbortSignal[] = [];
    const sender = producer(
      (_message, { signal }) => {
        signals.push(signal);
        return checker.callback();
      },
      { clock, checkConcurrency: 1, checkTimeoutMs: 5_000 },
    );
    await sender.start();
    a.notify(check({ msgId: 'hangs' }));
    await until(() => checker.calls === 1);
    a.notify(check({ msgId: 'next' }));
    clock.advance(5_000);
    const [end] = await ends(1);
    expect(end?.extFields).toMatchObject({ msgId: 'hangs', commitOrRollback: '0' });
    expect(end?.remark).toContain('checkTimeoutMs 5000 has passed');
    expect(signals[0]?.aborted).toBe(true);
    await until(() => checker.calls === 2);
    checker.end('COMMIT_MESSAGE');
    checker.end('ROLLBACK_MESSAGE');
    const all = await ends(2);
    expect(all[1]?.extFields).toMatchObject({ msgId: 'next', commitOrRollback: '12' });
    await settle();
    expect(a.requests(END)).toHaveLength(2);
  });

  it('is answered to the broker that came back while the checker ran', async () => {
    const checker = held();
    const sender = producer(checker.callback);
    await sender.start();
    a.notify(check());
    await until(() => checker.calls === 1);
    await a.vanish();
    await until(() => sender.knownBrokers().length === 0);
    await a.reopen();
    await until(() => sender.knownBrokers().length === 1);
    checker.end('COMMIT_MESSAGE');
    expect((await ends(1))[0]?.extFields).toMatchObject({ commitOrRollback: '8' });
  });
});

describe('a transaction producer', () => {
  it('makes itself known to brokers it has no route to, also to one that comes later', async () => {
    const clock = new FakeClock();
    const b = open(await scriptedBroker());
    const sender = producer(unasked, { clock });
    await sender.start();
    routes['U'] = { ...routeOver([a, b]) };
    await clock.advanceAndSettle(30_000);
    await until(() => sender.knownBrokers().length === 2);
    const beat = JSON.parse(b.requests(RequestCode.HEART_BEAT)[0]!.body!.toString()) as unknown;
    expect(beat).toMatchObject({
      clientID: sender.clientId,
      producerDataSet: [{ groupName: 'g' }],
    });
  });

  it('starts without a name server, and is known when there is one', async () => {
    await nameServer.vanish();
    const clock = new FakeClock();
    const sender = producer(unasked, { clock });
    await within(sender.start(), 'the start');
    expect(sender.isRunning).toBe(true);
    expect(sender.knownBrokers()).toEqual([]);
    await nameServer.reopen();
    await clock.advanceAndSettle(10_000);
    await until(() => sender.knownBrokers().length === 1);
  });

  it('waits at its end for the local transactions and checks that run, and says good-bye then', async () => {
    const local = held();
    const checker = held();
    const sender = producer(checker.callback, { shutdownGraceMs: 60_000 });
    const sending = sender.sendMessageInTransaction({ topic: 'T', body: 'x' }, local.callback);
    await until(() => local.calls === 1);
    await until(() => sender.knownBrokers().length === 1);
    a.notify(check());
    await until(() => checker.calls === 1);
    const shutdown = sender.shutdown();
    await settle();
    expect(a.requests(RequestCode.UNREGISTER_CLIENT)).toEqual([]);
    local.end('COMMIT_MESSAGE');
    checker.end('ROLLBACK_MESSAGE');
    await within(shutdown, 'the shutdown');
    await expect(sending).resolves.toMatchObject({ localTransactionState: 'COMMIT_MESSAGE' });
    const said = a.requests(END).map(({ extFields }) => extFields?.['commitOrRollback']);
    expect(new Set(said)).toEqual(new Set(['8', '12']));
    expect(said).toHaveLength(2);
    expect(a.received.at(-1)?.code).toBe(RequestCode.UNREGISTER_CLIENT);
    await expect(
      sender.sendMessageInTransaction({ topic: 'T', body: 'x' }, () => 'COMMIT_MESSAGE'),
    ).rejects.toMatchObject({ code: 'CLIENT_CLOSED' });
  });

  it('lets brokers know that it lives while its local transactions run: they cut off who is silent', async () => {
    const clock = new FakeClock();
    const local = held();
    const sender = producer(unasked, { clock, shutdownGraceMs: 600_000 });
    const sending = sender.sendMessageInTransaction({ topic: 'T', body: 'x' }, local.callback);
    await until(() => local.calls === 1);
    const shutdown = sender.shutdown();
    const before = a.requests(RequestCode.HEART_BEAT).length;
    await clock.advanceAndSettle(60_000);
    await until(() => a.requests(RequestCode.HEART_BEAT).length > before);
    // A broker that asks on it until then gets the answer that is known here, and nobody else's.
    const [half] = a.requests(SEND);
    const msgId = decodeProperties(half!.extFields!['i']!).get('UNIQ_KEY')!;
    a.notify(check({ msgId: 'of another process' }));
    a.notify(check({ msgId }));
    const [answer] = await ends(1);
    expect(answer!.extFields).toMatchObject({ msgId, commitOrRollback: '0' });
    local.end('COMMIT_MESSAGE');
    await sending;
    await within(shutdown, 'the shutdown');
    expect(clock.pendingTimers).toBe(0);
  });

  it('does not wait longer than shutdownGraceMs: what hangs is told to stop, and the broker asks others', async () => {
    const clock = new FakeClock();
    const local = held();
    const checker = held();
    const reasons: unknown[] = [];
    const sender = producer(
      (_message, { signal }) => {
        signal.addEventListener('abort', () => reasons.push(signal.reason));
        return checker.callback();
      },
      { clock, shutdownGraceMs: 3_000 },
    );
    const sending = sender.sendMessageInTransaction({ topic: 'T', body: 'x' }, local.callback);
    await until(() => local.calls === 1);
    a.notify(check());
    await until(() => checker.calls === 1);
    const shutdown = sender.shutdown();
    clock.advance(3_000);
    await within(shutdown, 'the shutdown');
    expect(reasons).toEqual([expect.objectContaining({ code: 'CLIENT_CLOSED' })]);
    expect(reasons[0]).toBeInstanceOf(MqError);
    expect(logger.entries.at(-1)).toMatchObject({
      level: 'warn',
      fields: { transactions: 1, checks: 1, shutdownGraceMs: 3_000 },
    });
    local.end('COMMIT_MESSAGE');
    await expect(sending).resolves.toMatchObject({ localTransactionState: 'COMMIT_MESSAGE' });
    checker.end('COMMIT_MESSAGE');
    await settle();
    expect(a.requests(END)).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });

  it('leaves no timer behind', async () => {
    const clock = new FakeClock();
    const sender = producer(() => 'COMMIT_MESSAGE', { clock });
    await sender.start();
    a.notify(check());
    await ends(1);
    await sender.sendMessageInTransaction({ topic: 'T', body: 'x' }, () => 'COMMIT_MESSAGE');
    await sender.shutdown();
    expect(clock.pendingTimers).toBe(0);
  });

  it.each([
    [{ producerGroup: 'a b' }, /group name "a b"/],
    [{ checkConcurrency: 0 }, /checkConcurrency is 0/],
    [{ checkTimeoutMs: -1 }, /checkTimeoutMs is -1/],
    [{ shutdownGraceMs: 2 ** 32 }, /shutdownGraceMs is 4294967296/],
    [{ checkLocalTransaction: undefined as never }, /checkLocalTransaction is a undefined/],
  ])('is refused with %j', (options, text) => {
    expect(() => producer(unasked, options)).toThrow(text);
  });

  it('refuses a local transaction that is no function, and an immunity time that is no number of seconds', async () => {
    const sender = producer(unasked);
    await expect(
      sender.sendMessageInTransaction({ topic: 'T', body: 'x' }, undefined as never),
    ).rejects.toThrow('executeLocalTransaction is a undefined, not a function');
    await expect(
      sender.sendMessageInTransaction({ topic: 'T', body: 'x' }, () => 'COMMIT_MESSAGE', {
        checkImmunityTimeSeconds: 1.5,
      }),
    ).rejects.toThrow('checkImmunityTimeSeconds is 1.5');
    expect(a.received).toEqual([]);
  });
});
