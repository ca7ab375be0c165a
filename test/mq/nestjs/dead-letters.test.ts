import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Injectable, type INestApplicationContext, type ModuleMetadata } from '@nestjs/common';
import {
  Admin,
  isDeadLetter,
  Producer,
  PushConsumer,
  type ConsumedMessage,
  type ConsumeResult,
} from '../../../mq/index.ts';
import { MessageListener, MillraceHealth, MillraceModule } from '../../../mq/nestjs/index.ts';
import { testBroker, type TestBroker } from '../../../mq/testkit.ts';
import { until } from '../../support/deadline.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { closeOpened, open } from '../../support/opened.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';
import { startApplication } from './application-under-test.ts';

const TOPIC = 'ORDER_EVENTS';
const DLQ = '%DLQ%coupons';
const GIVE_UP = { status: 'RECONSUME_LATER', delayTimeLevel: -1 } as const;

let mq: TestBroker;
/** That of the application's clients: they look for a missing topic when it says so. */
let clock: FakeClock;
let logger: RecordingLogger;
let admin: Admin;
let app: INestApplicationContext | undefined;

beforeEach(async () => {
  mq = open(await testBroker());
  await mq.createTopic(TOPIC, 1);
  admin = open(new Admin({ namesrvAddr: mq.namesrvAddr }));
  clock = new FakeClock();
  logger = new RecordingLogger();
  app = undefined;
});

afterEach(async () => {
  await app?.close();
  await closeOpened();
});

async function start(...providers: NonNullable<ModuleMetadata['providers']>): Promise<void> {
  const { namesrvAddr } = mq;
  const options = { namesrvAddr, producerGroup: 'nest', clock, logger };
  app = await startApplication({ imports: [MillraceModule.forRoot(options)], providers });
}

const send = (body: string): Promise<unknown> =>
  app!.get(Producer, { strict: false }).send({ topic: TOPIC, tags: 'Paid', body });

const health = (): unknown => app!.get(MillraceHealth, { strict: false }).check();

/** Makes dead letters of the group `coupons`, which nobody listens for yet. */
async function bury(...bodies: string[]): Promise<void> {
  const { namesrvAddr } = mq;
  await using producer = new Producer({ namesrvAddr, producerGroup: 'p' });
  await using consumer = new PushConsumer({ namesrvAddr, consumerGroup: 'coupons' });
  await consumer
    .subscribe(TOPIC)
    .onMessage(() => GIVE_UP)
    .start();
  for (const body of bodies) await producer.send({ topic: TOPIC, body });
  await mq.dlq('coupons', { atLeast: bodies.length });
}

/** There is a dead letter of `coupons`, and with it its topic. */
async function theFirst(): Promise<void> {
  await mq.dlq('coupons', { atLeast: 1 });
  await until(async () => (await admin.topicRoute(DLQ)) !== undefined);
}

/** Gives orders up, and mails dead letters when it can. */
@Injectable()
class Coupons {
  readonly got: ConsumedMessage[] = [];
  canMail = true;

  @MessageListener({
    topic: TOPIC,
    consumerGroup: 'coupons',
    tags: 'Paid',
    deadLetters: { maxReconsumeTimes: 1 },
  })
  async onEvent(message: ConsumedMessage): Promise<ConsumeResult | void> {
    this.got.push(message);
    if (!isDeadLetter(message)) return { ...GIVE_UP, deadLetterReason: 'unknown order' };
    if (!this.canMail) throw new Error('no mail server');
  }
}

describe('a @MessageListener with deadLetters', () => {
  it('starts before there are any, silently and healthily, and gets the first within 2 seconds', async () => {
    await start(Coupons);
    expect(health()).toEqual({ status: 'up' });
    await clock.advanceAndSettle(10_000);
    expect(health()).toEqual({ status: 'up' });
    expect([...logger.messages('warn'), ...logger.messages('error')]).toEqual([]);

    const { got } = app!.get(Coupons);
    await send('A-1001');
    await theFirst();
    expect(got.map(({ topic }) => topic)).toEqual([TOPIC]);
    clock.advance(2_000);
    await until(() => got.length === 2, { what: 'the dead letter' });
    expect(got[1]).toMatchObject({ topic: DLQ, msgId: got[0]!.msgId, reconsumeTimes: 0 });
    expect(got[1]!.text()).toBe('A-1001');
    expect(got[1]!.properties.get('DLQ_REASON')).toBe('unknown order');
    expect(health()).toEqual({ status: 'up' });
  });

  it('gets one again that it failed at, still as a dead letter, as often as its group may', async () => {
    await start(Coupons);
    const coupons = app!.get(Coupons);
    const { got } = coupons;
    coupons.canMail = false;
    await send('A-1001');
    // Not before: on a busy disk the clock would run on over the time that the client gives the broker to store it.
    await theFirst();
    clock.advance(2_000);
    await until(() => got.length === 2, { what: 'the dead letter' });
    await until(async () => (await mq.delayed('%RETRY%coupons-dlq')).length === 1);
    await mq.clock.advance('10s');
    await until(() => got.length === 3, { what: 'the retry' });
    expect(got[2]).toMatchObject({ topic: DLQ, msgId: got[0]!.msgId, reconsumeTimes: 1 });
    expect(isDeadLetter(got[2]!)).toBe(true);
    expect(Object.fromEntries(got[2]!.properties)).toMatchObject({
      DLQ_REASON: 'unknown order',
      DLQ_ORIGIN_TOPIC: TOPIC,
    });

    const [dead] = await mq.dlq('coupons-dlq', { atLeast: 1 });
    coupons.canMail = true;
    expect(await admin.redriveDlq('coupons-dlq', 'all')).toMatchObject([{ msgId: dead!.msgId }]);
    await until(() => got.length === 4, { what: 'the redriven one' });
    expect(got[3]).toMatchObject({ topic: DLQ, reconsumeTimes: 0 });
  });

  it('gets those there were before, in a group and with settings of their own, else with the listener’s', async () => {
    await bury('1', '2', '3');
    const got: string[] = [];
    let running = 0;
    let most = 0;
    @Injectable()
    class Alerts {
      @MessageListener({
        topic: TOPIC,
        consumerGroup: 'coupons',
        concurrency: 1,
        deadLetters: { consumerGroup: 'alerts', persistIntervalMs: 100 },
      })
      async onEvent(message: ConsumedMessage): Promise<void> {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setImmediate(resolve));
        running--;
        got.push(message.text());
      }
    }
    await start(Alerts);
    await until(() => got.length === 3, { what: 'three dead letters' });
    expect(got.toSorted()).toEqual(['1', '2', '3']);
    expect(most).toBe(1);
    await clock.advanceAndSettle(100);
    await until(async () => (await admin.consumerProgress('alerts', DLQ))[0]?.lag === 0);
    // They are still there to be looked at, and to be redriven.
    expect(await mq.dlq('coupons')).toHaveLength(3);
  });

  it('is refused when it is orderly', async () => {
    @Injectable()
    class Ledger {
      @MessageListener({ topic: TOPIC, consumerGroup: 'ledger', orderly: true, deadLetters: {} })
      async onEvent(): Promise<void> {}
    }
    await expect(start(Ledger)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(
        /^Ledger\.onEvent is orderly and has deadLetters.*%DLQ%ledger/,
      ),
    });
  });

  it('is refused when another listener has the group of its dead letters, or it has itself', async () => {
    @Injectable()
    class Rival {
      @MessageListener({ topic: TOPIC, consumerGroup: 'coupons-dlq' })
      async onEvent(): Promise<void> {}
    }
    @Injectable()
    class Selfish {
      @MessageListener({ topic: TOPIC, consumerGroup: 'a', deadLetters: { consumerGroup: 'a' } })
      async onEvent(): Promise<void> {}
    }
    await expect(start(Coupons, Rival)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(
        'coupons-dlq is used by the deadLetters of Coupons.onEvent and by Rival.onEvent',
      ),
    });
    await expect(start(Selfish)).rejects.toThrow(
      'consumerGroup a is used by Selfish.onEvent and by the deadLetters of Selfish.onEvent',
    );
  });
});

it('a listener to the dead letters of another is as healthy before there are any', async () => {
  @Injectable()
  class Undertaker {
    @MessageListener({ topic: '%DLQ%ledger', consumerGroup: 'undertaker' })
    async onDeadLetter(): Promise<void> {}
  }
  await start(Undertaker);
  expect(health()).toEqual({ status: 'up' });
  await app!.close();
  expect(health()).toMatchObject({
    reason: expect.stringContaining('consumer group undertaker is not running'),
  });
});
