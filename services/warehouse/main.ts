import 'reflect-metadata';
import { runService } from '../common/service-process.ts';
import { loadConfig } from './config.ts';
import { WarehouseModule } from './warehouse.module.ts';

await runService(
  { name: 'warehouse', summary: 'Has paid orders shipped, and takes goods back.' },
  () => loadConfig(process.env),
  (config, log) => WarehouseModule.with(config, log),
);
