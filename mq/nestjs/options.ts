import type { ModuleMetadata } from '@nestjs/common';
import type { ClientOptions, TransactionProducerOptions } from '../index.ts';

/** Settings of the injected TransactionProducer: the module's apply where these are silent. */
export interface MillraceTransactionOptions extends Omit<
  Partial<TransactionProducerOptions>,
  'namesrvAddr' | 'checkLocalTransaction'
> {
  /** Another than the Producer's: brokers would ask that one, which knows no transactions. */
  producerGroup: string;
}

/** What `MillraceModule.forRoot` takes: the client's options plus the group of the injected Producer. */
export interface MillraceModuleOptions extends ClientOptions {
  producerGroup: string;
  /** How long running listeners may go on when the application stops; a listener may say otherwise. Default 10,000. */
  shutdownGraceMs?: number;
  /** Redeliveries before a message goes to its group's dead-letter queue; a listener may say otherwise. Default: the group's. */
  maxReconsumeTimes?: number;
  /**
   * Makes a TransactionProducer injectable, whose transactions the application's one `@TransactionChecker` answers for.
   * Without it there is none to inject: undefined is injected where the options come from `forRootAsync`.
   */
  transaction?: MillraceTransactionOptions;
}

/** What all clients of the module have in common. */
export function clientOptionsOf(
  options: MillraceModuleOptions,
): ClientOptions & { shutdownGraceMs?: number } {
  const {
    producerGroup: _producerGroup,
    transaction: _transaction,
    maxReconsumeTimes: _maxReconsumeTimes,
    ...clientOptions
  } = options;
  return clientOptions;
}

export interface MillraceModuleAsyncOptions extends Pick<ModuleMetadata, 'imports'> {
  // oxlint-disable-next-line typescript/no-explicit-any -- Nest passes whatever the tokens in `inject` resolve to
  useFactory: (...dependencies: any[]) => MillraceModuleOptions | Promise<MillraceModuleOptions>;
  // oxlint-disable-next-line typescript/no-explicit-any -- an injection token can be of any class
  inject?: any[];
}

/** Injection token of the module's options. */
export const MILLRACE_OPTIONS = Symbol('millrace.options');
