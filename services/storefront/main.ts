import 'reflect-metadata';
import { runService } from '../common/service-process.ts';
import { loadConfig } from './config.ts';
import { StorefrontModule } from './storefront.module.ts';

await runService(
  {
    name: 'storefront',
    summary: 'The shop page, and what it asks of the services and the broker.',
  },
  () => loadConfig(process.env),
  (config, log) => StorefrontModule.with(config, log),
);
