import 'reflect-metadata';
import { runService } from '../common/service-process.ts';
import { loadConfig } from './config.ts';
import { PointsModule } from './points.module.ts';

await runService(
  { name: 'points', summary: 'Credits points for paid orders, and takes them back on refunds.' },
  () => loadConfig(process.env),
  (config, log) => PointsModule.with(config, log),
);
