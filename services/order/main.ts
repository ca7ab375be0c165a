import 'reflect-metadata';
import { runService } from '../common/service-process.ts';
import { loadConfig } from './config.ts';
import { OrderModule } from './order.module.ts';

await runService(
  { name: 'order', summary: 'Places orders, follows what becomes of them, and announces it.' },
  () => loadConfig(process.env),
  (config, log) => OrderModule.with(config, log),
);
