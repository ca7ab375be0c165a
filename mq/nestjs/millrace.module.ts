import { Module, type DynamicModule, type Provider } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { MqError, Producer, TransactionProducer } from '../index.ts';
import { DecoratedMethods } from './decorated-methods.ts';
import { ListenerRunner } from './listener-runner.ts';
import { MillraceHealth } from './millrace-health.ts';
import { MillraceMetrics } from './millrace-metrics.ts';
import {
  clientOptionsOf,
  MILLRACE_OPTIONS,
  type MillraceModuleAsyncOptions,
  type MillraceModuleOptions,
} from './options.ts';
import { TransactionCheckBack } from './transaction-checker.ts';

/**
 * Gives an application an injectable `Producer` (and a `TransactionProducer` if it asks for one), runs its
 * `@MessageListener` methods, and stops them with it. Call `app.enableShutdownHooks()` so that SIGTERM stops the application gracefully.
 */
@Module({})
export class MillraceModule {
  static forRoot(options: MillraceModuleOptions): DynamicModule {
    const optionsProvider = { provide: MILLRACE_OPTIONS, useValue: options };
    // Who injects a TransactionProducer that nobody configured then hears of it from Nest, at the start.
    return moduleWith(optionsProvider, [], options.transaction !== undefined);
  }

  static forRootAsync(options: MillraceModuleAsyncOptions): DynamicModule {
    const { useFactory, inject = [], imports = [] } = options;
    return moduleWith({ provide: MILLRACE_OPTIONS, useFactory, inject }, imports, true);
  }
}

function moduleWith(
  optionsProvider: Provider,
  imports: NonNullable<MillraceModuleAsyncOptions['imports']>,
  mayHaveTransactions: boolean,
): DynamicModule {
  const transactionProducer: Provider[] = mayHaveTransactions
    ? [
        {
          provide: TransactionProducer,
          useFactory: transactionProducerFor,
          inject: [MILLRACE_OPTIONS, TransactionCheckBack],
        },
      ]
    : [];
  return {
    module: MillraceModule,
    global: true,
    imports: [DiscoveryModule, ...imports],
    providers: [
      optionsProvider,
      {
        provide: Producer,
        useFactory: (options: MillraceModuleOptions) => new Producer(options),
        inject: [MILLRACE_OPTIONS],
      },
      ...transactionProducer,
      TransactionCheckBack,
      DecoratedMethods,
      ListenerRunner,
      MillraceHealth,
      MillraceMetrics,
    ],
    exports: [
      Producer,
      MillraceHealth,
      MillraceMetrics,
      ...(mayHaveTransactions ? [TransactionProducer] : []),
    ],
  };
}

function transactionProducerFor(
  options: MillraceModuleOptions,
  checkBack: TransactionCheckBack,
): TransactionProducer | undefined {
  const { transaction } = options;
  if (transaction === undefined) return undefined;
  if (transaction.producerGroup === options.producerGroup) {
    throw new MqError(
      'INVALID_ARGUMENT',
      `producerGroup and transaction.producerGroup are both ${transaction.producerGroup}: brokers would ask the Producer after transactions`,
    );
  }
  return new TransactionProducer({
    ...clientOptionsOf(options),
    ...transaction,
    checkLocalTransaction: checkBack.check,
  });
}
