import 'reflect-metadata';
import { runService } from '../common/service-process.ts';
import { loadConfig } from './config.ts';
import { RefundModule } from './refund.module.ts';

await runService(
  { name: 'refund', summary: 'Has refunds done step by step, and lists those that are stuck.' },
  () => loadConfig(process.env),
  (config, log) => RefundModule.with(config, log),
);
