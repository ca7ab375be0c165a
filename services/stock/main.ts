import 'reflect-metadata';
import { runService } from '../common/service-process.ts';
import { loadConfig } from './config.ts';
import { StockModule } from './stock.module.ts';

await runService(
  { name: 'stock', summary: 'Sets goods aside for orders, and knows how many there are.' },
  () => loadConfig(process.env),
  (config, log) => StockModule.with(config, log),
);
