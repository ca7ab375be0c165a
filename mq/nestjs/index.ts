/** NestJS integration of millrace. Needs `@nestjs/common` and `@nestjs/core` ≥ 12 in the application. */
export type { DeadLetterOptions } from './dead-letters.ts';
export { MessageListener, type MessageListenerOptions } from './message-listener.ts';
export { MillraceHealth, type MillraceHealthStatus } from './millrace-health.ts';
export { MillraceMetrics, type ConsumerNumbers, type ProducerNumbers } from './millrace-metrics.ts';
export { MillraceModule } from './millrace.module.ts';
export type {
  MillraceModuleAsyncOptions,
  MillraceModuleOptions,
  MillraceTransactionOptions,
} from './options.ts';
export { TransactionChecker } from './transaction-checker.ts';
