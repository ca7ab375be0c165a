import 'reflect-metadata';
import { runService } from '../common/service-process.ts';
import { loadConfig } from './config.ts';
import { ThirdPartyModule } from './third-party.module.ts';

await runService(
  {
    name: 'third-party',
    summary: 'Stands in for the payment channel and the carrier, and fails as it is told to.',
  },
  () => loadConfig(process.env),
  (config, log) => ThirdPartyModule.with(config, log),
);
