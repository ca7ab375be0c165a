import 'reflect-metadata';
import { runService } from '../common/service-process.ts';
import { loadConfig } from './config.ts';
import { SyncModule } from './sync.module.ts';

await runService(
  { name: 'sync', summary: "Follows the order database's binlog, and keeps a copy of it to ask." },
  () => loadConfig(process.env),
  (config, log) => SyncModule.with(config, log),
);
