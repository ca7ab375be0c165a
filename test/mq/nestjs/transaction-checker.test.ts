import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  Inject,
  Injectable,
  Scope,
  type INestApplicationContext,
  type ModuleMetadata,
} from '@nestjs/common';
import {
  TransactionProducer,
  type ConsumedMessage,
  type LocalTransactionState,
} from '../../../mq/index.ts';
import {
  MillraceHealth,
  MillraceModule,
  TransactionChecker,
  type MillraceModuleOptions,
} from '../../../mq/nestjs/index.ts';
import { RequestCode } from '../../../mq/protocol/request-code.ts';
import { until, within } from '../../support/deadline.ts';
import {
  record,
  routeOver,
  scriptedBroker,
  scriptedNameServer,
  type Routes,
} from '../client/scripted-cluster.ts';
import type { ScriptedPeer } from '../client/scripted-peer.ts';
import { startApplication } from './application-under-test.ts';

const END = RequestCode.END_TRANSACTION;

let broker: ScriptedPeer;
let nameServer: ScriptedPeer;
let app: INestApplicationContext | undefined;

beforeEach(async () => {
  broker = await scriptedBroker();
  broker.on(END, () => undefined);
  const routes: Routes = { T: routeOver([broker]) };
  nameServer = await scriptedNameServer(routes);
  app = undefined;
});

afterEach(async () => {
  await app?.close();
  await nameServer.vanish();
  await broker.vanish();
});

async function start(
  providers: NonNullable<ModuleMetadata['providers']>,
  options: Partial<MillraceModuleOptions> = { transaction: { producerGroup: 'orders-tx' } },
): Promise<void> {
  const module = MillraceModule.forRoot({
    namesrvAddr: nameServer.address,
    producerGroup: 'orders',
    ...options,
  });
  app = await startApplication({ imports: [module], providers });
}

function ask(msgId: string): void {
  broker.notify({
    code: RequestCode.CHECK_TRANSACTION_STATE,
    extFields: { tranStateTableOffset: '3', commitLogOffset: '300', transactionId: msgId },
    body: record({
      queueOffset: 3,
      body: 'order 1',
      properties: { UNIQ_KEY: msgId, TRAN_MSG: 'true', PGROUP: 'orders-tx' },
    }),
  });
}

const ends = () => broker.requests(END).map(({ extFields }) => extFields);

@Injectable()
class Orders {
  readonly asked: string[] = [];

  constructor(@Inject(TransactionProducer) readonly producer: TransactionProducer) {}

  @TransactionChecker()
  async isPlaced(message: ConsumedMessage): Promise<LocalTransactionState> {
    this.asked.push(message.text());
    return 'COMMIT_MESSAGE';
  }
}

describe('@TransactionChecker', () => {
  it('answers brokers from the start of the application, as a method of its provider', async () => {
    await start([Orders]);
    ask('tx-1');
    await until(() => ends().length === 1, { what: 'the answer' });
    expect(ends()[0]).toMatchObject({
      producerGroup: 'orders-tx',
      commitOrRollback: '8',
      fromTransactionCheck: 'true',
    });
    expect(app!.get(Orders).asked).toEqual(['order 1']);
  });

  it('may be in the provider that sends in a transaction', async () => {
    await start([Orders]);
    const { producer } = app!.get(Orders);
    await producer.sendMessageInTransaction({ topic: 'T', body: 'x' }, () => 'ROLLBACK_MESSAGE');
    await until(() => ends().length === 1);
    expect(ends()[0]).toMatchObject({ producerGroup: 'orders-tx', commitOrRollback: '12' });
  });

  it('is waited for when the application closes', async () => {
    let end = (_state: LocalTransactionState): void => undefined;
    let asked = false;
    @Injectable()
    class Slow {
      @TransactionChecker()
      isPlaced(): Promise<LocalTransactionState> {
        asked = true;
        return new Promise((resolve) => {
          end = resolve;
        });
      }
    }
    await start([Slow]);
    ask('tx-1');
    await until(() => asked);
    const closing = app!.close();
    await new Promise((resolve) => setImmediate(resolve));
    end('ROLLBACK_MESSAGE');
    await within(closing, 'closing');
    expect(ends()).toEqual([expect.objectContaining({ commitOrRollback: '12' })]);
  });

  it('is missed, or there once too often, at the start, which then starts nothing', async () => {
    @Injectable()
    class Rival {
      @TransactionChecker()
      isPaid(): LocalTransactionState {
        return 'UNKNOW';
      }
    }
    await expect(start([])).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'transaction group orders-tx needs exactly one @TransactionChecker, there is none',
    });
    await expect(start([Orders, Rival])).rejects.toThrow(
      'needs exactly one @TransactionChecker, there are Orders.isPlaced and Rival.isPaid',
    );
    await expect(start([Rival], {})).rejects.toThrow(
      'Rival.isPaid: a @TransactionChecker needs `transaction` in the options of MillraceModule',
    );
    expect(broker.received).toEqual([]);
  });

  it('cannot be of request scope', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class Fleeting {
      @TransactionChecker()
      isPlaced(): LocalTransactionState {
        return 'UNKNOW';
      }
    }
    await expect(start([Fleeting])).rejects.toThrow(
      'Fleeting.isPlaced is a @TransactionChecker of a request-scoped or transient provider',
    );
  });
});

describe('a MillraceModule', () => {
  it('refuses one group for both producers', async () => {
    await expect(
      start([Orders], { transaction: { producerGroup: 'orders' } }),
    ).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('are both orders') as unknown,
    });
  });

  it('without `transaction` has no TransactionProducer to inject, and Nest says so', async () => {
    await expect(start([Orders], {})).rejects.toThrow(/TransactionProducer/);
  });

  it('with options of its own making has one if they say so', async () => {
    for (const transaction of [undefined, { producerGroup: 'orders-tx' }]) {
      const options = {
        namesrvAddr: nameServer.address,
        producerGroup: 'orders',
        ...(transaction !== undefined && { transaction }),
      };
      app = await startApplication({
        imports: [MillraceModule.forRootAsync({ useFactory: () => options })],
        providers: transaction === undefined ? [] : [Orders],
      });
      const producer: unknown = app.get(TransactionProducer, { strict: false });
      expect(producer instanceof TransactionProducer).toBe(transaction !== undefined);
      await app.close();
    }
    app = undefined;
  });

  it('is not healthy while no broker knows its transaction group', async () => {
    await start([Orders]);
    const health = app!.get(MillraceHealth, { strict: false });
    expect(health.check()).toEqual({ status: 'up' });
    await broker.vanish();
    await until(() => health.check().status === 'down');
    expect(health.check().reason).toBe('transaction group orders-tx has no broker');
    await app!.close();
    expect(health.check().reason).toContain('transaction group orders-tx is not running');
  });
});
