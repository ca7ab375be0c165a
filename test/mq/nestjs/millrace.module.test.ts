import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  Inject,
  Injectable,
  Module,
  Scope,
  type INestApplicationContext,
  type ModuleMetadata,
} from '@nestjs/common';
import { Producer, PushConsumer, type ConsumedMessage } from '../../../mq/index.ts';
import { MessageListener, MillraceHealth, MillraceModule } from '../../../mq/nestjs/index.ts';
import { testBroker, type TestBroker } from '../../../mq/testkit.ts';
import { until, within } from '../../support/deadline.ts';
import { startApplication } from './application-under-test.ts';

const TOPIC = 'NEST_EVENTS';

let broker: TestBroker;
let app: INestApplicationContext | undefined;

beforeEach(async () => {
  // The first retry comes at once.
  broker = await testBroker({ messageDelayLevel: '1s 1s 1s' });
  await broker.createTopic(TOPIC, 2);
  app = undefined;
});

afterEach(async () => {
  await app?.close();
  await broker.close();
});

const millrace = (): NonNullable<ModuleMetadata['imports']>[number] =>
  MillraceModule.forRoot({ namesrvAddr: broker.namesrvAddr, producerGroup: 'nest' });

async function start(providers: NonNullable<ModuleMetadata['providers']>): Promise<void> {
  app = await startApplication({ imports: [millrace()], providers });
}

const send = (body: string, tags = 'Created'): Promise<unknown> =>
  app!.get(Producer, { strict: false }).send({ topic: TOPIC, tags, body });

@Injectable()
class Recorder {
  readonly bodies: string[] = [];

  @MessageListener({ topic: TOPIC, consumerGroup: 'recorder', tags: 'Created || Paid' })
  async onEvent(message: ConsumedMessage): Promise<void> {
    this.bodies.push(message.text());
  }
}

describe('@MessageListener', () => {
  it('receives what the injected Producer sends, of its tags only', async () => {
    await start([Recorder]);
    await send('for others', 'Shipped');
    await send('placed', 'Created');
    await send('paid', 'Paid');
    const { bodies } = app!.get(Recorder);
    await until(() => bodies.length === 2, { what: 'two messages' });
    expect(bodies.toSorted()).toEqual(['paid', 'placed']);
  });

  it('receives what an SQL92 expression selects', async () => {
    const bodies: string[] = [];
    @Injectable()
    class Selective {
      @MessageListener({ topic: TOPIC, consumerGroup: 'selective', sql: "TAGS = 'Paid'" })
      async onEvent(message: ConsumedMessage): Promise<void> {
        bodies.push(message.text());
      }
    }
    await start([Selective]);
    await send('placed', 'Created');
    await send('paid', 'Paid');
    await until(() => bodies.length === 1, { what: 'the paid message' });
    expect(bodies).toEqual(['paid']);
  });

  it('has tags or an expression, which must parse', async () => {
    @Injectable()
    class Undecided {
      @MessageListener({ topic: TOPIC, consumerGroup: 'both', tags: 'Paid', sql: 'a = 1' })
      async onEvent(): Promise<void> {}
    }
    await expect(start([Undecided])).rejects.toThrow('Undecided.onEvent has tags and sql');
    @Injectable()
    class Wrong {
      @MessageListener({ topic: TOPIC, consumerGroup: 'wrong', sql: 'a LIKE 1' })
      async onEvent(): Promise<void> {}
    }
    await expect(start([Wrong])).rejects.toThrow('at position 3: found LIKE');
  });

  it('runs with its provider’s dependencies, and may itself send', async () => {
    @Injectable()
    class Forwarder {
      constructor(@Inject(Producer) private readonly producer: Producer) {}

      @MessageListener({ topic: TOPIC, consumerGroup: 'forwarder', tags: 'Placed' })
      async onPlaced(message: ConsumedMessage): Promise<void> {
        await this.producer.send({
          topic: TOPIC,
          tags: 'Created',
          body: `${message.text()} again`,
        });
      }
    }
    await start([Forwarder, Recorder]);
    await send('placed', 'Placed');
    const { bodies } = app!.get(Recorder);
    await until(() => bodies.length === 1, { what: 'the forwarded message' });
    expect(bodies).toEqual(['placed again']);
  });

  it('gets a message again that it threw at', async () => {
    const reconsumeTimes: number[] = [];
    @Injectable()
    class Failing {
      @MessageListener({ topic: TOPIC, consumerGroup: 'failing' })
      async onEvent(message: ConsumedMessage): Promise<void> {
        reconsumeTimes.push(message.reconsumeTimes);
        if (message.reconsumeTimes === 0) throw new Error('not today');
      }
    }
    await start([Failing]);
    await send('placed');
    await until(() => reconsumeTimes.length === 2, { what: 'the second delivery' });
    expect(reconsumeTimes).toEqual([0, 1]);
  });

  it('gets its queues in order when it asks for that, whatever it throws and however often the module retries', async () => {
    const got: string[] = [];
    @Injectable()
    class Ledger {
      @MessageListener({
        topic: TOPIC,
        consumerGroup: 'ledger',
        orderly: true,
        suspendCurrentQueueTimeMs: 10,
      })
      async onEvent(message: ConsumedMessage): Promise<void> {
        got.push(message.text());
        if (message.text() === 'a' && message.reconsumeTimes < 3) throw new Error('not yet');
      }
    }
    const imports = [
      MillraceModule.forRoot({
        namesrvAddr: broker.namesrvAddr,
        producerGroup: 'nest',
        maxReconsumeTimes: 1,
      }),
    ];
    app = await startApplication({ imports, providers: [Ledger] });
    const producer = app.get(Producer, { strict: false });
    for (const body of ['a', 'b']) await producer.send({ topic: TOPIC, body, shardingKey: '1' });
    await until(() => got.includes('b'), { what: 'the second message' });
    expect(got).toEqual(['a', 'a', 'a', 'a', 'b']);
  });

  it('is found on an instance given as a value, and once on a class with an alias', async () => {
    const recorder = new Recorder();
    await start([
      { provide: 'given', useValue: recorder },
      { provide: 'alias', useExisting: 'given' },
    ]);
    await send('placed');
    await until(() => recorder.bodies.length === 1, { what: 'the message' });
  });

  it('passes its options to the consumer', async () => {
    let running = 0;
    let most = 0;
    let done = 0;
    @Injectable()
    class OneByOne {
      @MessageListener({ topic: TOPIC, consumerGroup: 'one-by-one', concurrency: 1 })
      async onEvent(): Promise<void> {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setImmediate(resolve));
        running--;
        done++;
      }
    }
    await start([OneByOne]);
    for (let count = 0; count < 10; count++) await send(`event ${count}`);
    await until(() => done === 10, { what: 'ten messages' });
    expect(most).toBe(1);
  });
});

describe('MillraceModule', () => {
  it('says how often messages are retried where a listener does not', async () => {
    @Injectable()
    class Failing {
      @MessageListener({ topic: TOPIC, consumerGroup: 'failing' })
      onEvent(): void {
        throw new Error('never');
      }
    }
    app = await startApplication({
      imports: [
        MillraceModule.forRoot({
          namesrvAddr: broker.namesrvAddr,
          producerGroup: 'nest',
          maxReconsumeTimes: 0,
        }),
      ],
      providers: [Failing],
    });
    await send('placed');
    await until(() => broker.broker.store.maxOffset('%DLQ%failing', 0) === 1, {
      what: 'the dead letter',
    });
  });

  it('takes options made of injected providers', async () => {
    @Injectable()
    class Settings {
      readonly namesrvAddr = broker.namesrvAddr;
    }
    @Module({ providers: [Settings], exports: [Settings] })
    class SettingsModule {}

    app = await startApplication({
      imports: [
        MillraceModule.forRootAsync({
          imports: [SettingsModule],
          inject: [Settings],
          useFactory: async ({ namesrvAddr }: Settings) => ({ namesrvAddr, producerGroup: 'nest' }),
        }),
      ],
      providers: [Recorder],
    });
    await send('placed');
    const { bodies } = app.get(Recorder);
    await until(() => bodies.length === 1, { what: 'the message' });
  });

  it('refuses two listeners of one group, naming both, and has started nothing', async () => {
    @Injectable()
    class Rival {
      @MessageListener({ topic: TOPIC, consumerGroup: 'recorder' })
      async onEvent(): Promise<void> {}
    }
    await expect(start([Recorder, Rival])).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(/recorder is used by Recorder\.onEvent and by Rival\.onEvent/),
    });
    await until(() => [...broker.broker.context.connections()].length === 0, {
      what: 'a broker without connections',
    });
  });

  it.each([
    ['request', Scope.REQUEST],
    ['transient', Scope.TRANSIENT],
  ])('refuses a listener of %s scope: nobody would have its dependencies', async (_name, scope) => {
    @Injectable({ scope })
    class Fleeting {
      @MessageListener({ topic: TOPIC, consumerGroup: 'fleeting' })
      async onEvent(): Promise<void> {}
    }
    await expect(start([Fleeting])).rejects.toThrow(
      'Fleeting.onEvent is a @MessageListener of a request-scoped or transient provider',
    );
  });

  it('is not left running when a broker refuses what another one subscribes to', async () => {
    await broker.close();
    broker = await testBroker({ enablePropertyFilter: false });
    await broker.createTopic(TOPIC, 2);
    @Injectable()
    class Selective {
      @MessageListener({ topic: TOPIC, consumerGroup: 'selective', sql: "TAGS = 'Paid'" })
      async onEvent(): Promise<void> {}
    }
    await expect(start([Recorder, Selective])).rejects.toMatchObject({ code: 'SYSTEM_ERROR' });
    // All are closed by now; the broker may hear of it a moment later.
    await until(() => [...broker.broker.context.connections()].length === 0, {
      what: 'a broker without connections',
    });
  });

  it('starts while no name server can be reached, and says that it is not up', async () => {
    app = await startApplication({
      imports: [MillraceModule.forRoot({ namesrvAddr: '127.0.0.1:1', producerGroup: 'nest' })],
      providers: [Recorder],
    });
    expect(app.get(MillraceHealth, { strict: false }).check()).toEqual({
      status: 'down',
      reason: 'consumer group recorder has no broker',
    });
  });
});

describe('app.close()', () => {
  it('waits for a running listener, which may still send, and takes no progress back', async () => {
    const entered = gate();
    const released = gate();
    let sentTo: unknown;
    @Injectable()
    class Slow {
      constructor(@Inject(Producer) private readonly producer: Producer) {}

      @MessageListener({ topic: TOPIC, consumerGroup: 'slow', tags: 'Created' })
      async onEvent(): Promise<void> {
        entered.open();
        await released.opened;
        sentTo = await this.producer.send({ topic: TOPIC, tags: 'Late', body: 'from a listener' });
      }
    }
    await start([Slow]);
    const producer = app!.get(Producer, { strict: false });
    await send('placed');
    await within(entered.opened, 'the listener’s start');
    const closing = app!.close();
    expect(producer.isRunning).toBe(true);
    released.open();
    await within(closing, 'closing');
    expect(sentTo).toMatchObject({ status: 'SEND_OK' });
    expect(producer.isRunning).toBe(false);

    // Who comes next in the group does not see the message again: its progress was reported.
    const seen: string[] = [];
    await using next = new PushConsumer({
      namesrvAddr: broker.namesrvAddr,
      consumerGroup: 'slow',
    });
    next.subscribe(TOPIC, 'Created').onMessage((message) => void seen.push(message.text()));
    await next.start();
    await using sender = new Producer({ namesrvAddr: broker.namesrvAddr, producerGroup: 'after' });
    for (const queue of await startedQueues(sender)) {
      await sender.send({ topic: TOPIC, tags: 'Created', body: 'after' }, { queue });
    }
    await until(() => seen.length === 2, { what: 'what was sent afterwards' });
    expect(seen).toEqual(['after', 'after']);
  });

  it('keeps the producers for what ends last: requests, and hooks of the application', async () => {
    let sentTo: unknown;
    @Injectable()
    class Relay {
      constructor(@Inject(Producer) private readonly producer: Producer) {}

      async onApplicationShutdown(): Promise<void> {
        sentTo = await this.producer.send({ topic: TOPIC, body: 'the last one' });
      }
    }
    await start([Relay]);
    await within(app!.close(), 'closing');
    expect(sentTo).toMatchObject({ status: 'SEND_OK' });
  });

  it('does not wait for a listener beyond shutdownGraceMs', async () => {
    const entered = gate();
    @Injectable()
    class Stuck {
      @MessageListener({ topic: TOPIC, consumerGroup: 'stuck' })
      async onEvent(): Promise<void> {
        entered.open();
        await new Promise(() => undefined);
      }
    }
    app = await startApplication({
      imports: [
        MillraceModule.forRoot({
          namesrvAddr: broker.namesrvAddr,
          producerGroup: 'nest',
          shutdownGraceMs: 1,
        }),
      ],
      providers: [Stuck],
    });
    await send('placed');
    await within(entered.opened, 'the listener’s start');
    await within(app.close(), 'closing');
  });
});

async function startedQueues(sender: Producer): ReturnType<Producer['queues']> {
  await sender.start();
  return sender.queues(TOPIC);
}

/** Something a test waits for and a listener brings about, or the other way round. */
function gate(): { opened: Promise<void>; open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}
