import 'reflect-metadata';
import { runService } from '../common/service-process.ts';
import { loadConfig } from './config.ts';
import { PushModule } from './push.module.ts';

await runService(
  { name: 'push', summary: 'Records one notification for every order event.' },
  () => loadConfig(process.env),
  (config, log) => PushModule.with(config, log),
);
