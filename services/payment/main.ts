import 'reflect-metadata';
import { runService } from '../common/service-process.ts';
import { loadConfig } from './config.ts';
import { PaymentModule } from './payment.module.ts';

await runService(
  {
    name: 'payment',
    summary: 'Has orders paid, and money given back, through a payment channel that may be slow.',
  },
  () => loadConfig(process.env),
  (config, log) => PaymentModule.with(config, log),
);
