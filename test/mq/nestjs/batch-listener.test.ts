import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Injectable, type INestApplicationContext, type ModuleMetadata } from '@nestjs/common';
import {
  isDeadLetter,
  Producer,
  type AckUpTo,
  type BatchedResult,
  type ConsumedMessage,
} from '../../../mq/index.ts';
import { MessageListener, MillraceModule } from '../../../mq/nestjs/index.ts';
import { testBroker, type TestBroker } from '../../../mq/testkit.ts';
import { until } from '../../support/deadline.ts';
import { closeOpened, open } from '../../support/opened.ts';
import { startApplication } from './application-under-test.ts';

const TOPIC = 'ORDER_EVENTS';

let mq: TestBroker;
let app: INestApplicationContext | undefined;

beforeEach(async () => {
  mq = open(await testBroker());
  await mq.createTopic(TOPIC, 1);
  app = undefined;
});

afterEach(async () => {
  await app?.close();
  await closeOpened();
});

async function start(provider: NonNullable<ModuleMetadata['providers']>[number]): Promise<void> {
  const { namesrvAddr } = mq;
  const options = { namesrvAddr, producerGroup: 'nest', maxReconsumeTimes: 1 };
  app = await startApplication({
    imports: [MillraceModule.forRoot(options)],
    providers: [provider],
  });
}

async function sendAll(...bodies: string[]): Promise<void> {
  const producer = app!.get(Producer, { strict: false });
  await producer.sendBatch(bodies.map((body) => ({ topic: TOPIC, body })));
}

const texts = (messages: readonly ConsumedMessage[]): string =>
  messages.map((message) => message.text()).join('');

describe('a @MessageListener with a batch size', () => {
  it('gets arrays, and what it says of each message counts', async () => {
    const got: string[] = [];
    const letters: string[] = [];
    @Injectable()
    class Ledger {
      @MessageListener({ topic: TOPIC, consumerGroup: 'ledger', batch: 3, deadLetters: {} })
      onEvents(messages: readonly ConsumedMessage[]): readonly BatchedResult[] {
        (messages.some(isDeadLetter) ? letters : got).push(texts(messages));
        return messages.map((message) =>
          message.text() === 'b' && !isDeadLetter(message)
            ? { status: 'RECONSUME_LATER', delayTimeLevel: -1 }
            : undefined,
        );
      }
    }
    await start(Ledger);
    await sendAll('a', 'b', 'c', 'd');
    await until(() => got.length === 2, { what: 'both batches' });
    expect(got).toEqual(['abc', 'd']);
    await mq.dlq('ledger', { atLeast: 1 });
    await until(() => letters.length === 1, { what: 'the dead letter', timeoutMs: 20_000 });
    expect(letters).toEqual(['b']);
  });

  it('gets them in order when it asks for that, and goes on where it got to', async () => {
    const got: string[] = [];
    @Injectable()
    class Ledger {
      @MessageListener({
        topic: TOPIC,
        consumerGroup: 'ledger',
        orderly: true,
        batch: 3,
        suspendCurrentQueueTimeMs: 10,
      })
      async onEvents(messages: readonly ConsumedMessage[]): Promise<AckUpTo | void> {
        got.push(texts(messages));
        if (got.length < 4) return { ackIndex: 0 };
      }
    }
    await start(Ledger);
    await sendAll('a', 'b', 'c', 'd', 'e');
    await until(() => got.length === 4, { what: 'the last batch' });
    expect(got).toEqual(['abc', 'bcd', 'cde', 'de']);
  });

  it('with one message still gets an array', async () => {
    let got: unknown;
    @Injectable()
    class Ledger {
      @MessageListener({ topic: TOPIC, consumerGroup: 'ledger', batch: 1 })
      onEvents(messages: unknown): void {
        got = messages;
      }
    }
    await start(Ledger);
    await sendAll('a');
    await until(() => got !== undefined, { what: 'the message' });
    expect(got).toHaveLength(1);
  });
});

describe('a broadcasting @MessageListener', () => {
  it('has no retries, whatever the module says of them', async () => {
    const offsetStoreDir = await mkdtemp(join(tmpdir(), 'millrace-nest-'));
    open({ [Symbol.asyncDispose]: () => rm(offsetStoreDir, { recursive: true, force: true }) });
    const got: string[] = [];
    @Injectable()
    class Cache {
      @MessageListener({
        topic: TOPIC,
        consumerGroup: 'cache',
        messageModel: 'BROADCASTING',
        instanceName: 'shop-1',
        offsetStoreDir,
      })
      onEvent(message: ConsumedMessage): void {
        got.push(message.text());
      }
    }
    await start(Cache);
    await sendAll('a', 'b');
    await until(() => got.length === 2, { what: 'both messages' });
    await app!.close();
    app = undefined;
  });

  it('cannot have dead letters', async () => {
    @Injectable()
    class Cache {
      @MessageListener({
        topic: TOPIC,
        consumerGroup: 'cache',
        messageModel: 'BROADCASTING',
        instanceName: 'shop-1',
        deadLetters: {},
      })
      onEvent(): void {}
    }
    await expect(start(Cache)).rejects.toThrow('Cache.onEvent is broadcasting and has deadLetters');
  });
});
