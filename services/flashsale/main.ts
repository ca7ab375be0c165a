import 'reflect-metadata';
import cluster from 'node:cluster';
import { ConfigError, type Env } from '../common/env.ts';
import { runService } from '../common/service-process.ts';
import { loadConfig, type FlashSaleConfig } from './config.ts';
import { FlashSaleModule } from './flashsale.module.ts';
import { runGateProcesses } from './gate-processes.ts';

/** Undefined: this process is the service, or has settings to complain of. */
function configOfMany(env: Env): FlashSaleConfig | undefined {
  if (cluster.isWorker) return undefined;
  try {
    const config = loadConfig(env);
    return config.gateProcessCount > 1 ? config : undefined;
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}

const many = configOfMany(process.env);
if (many !== undefined) {
  runGateProcesses(many);
} else {
  if (cluster.isWorker) {
    // A signal to all of a terminal's processes comes here twice: by itself, and passed on.
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => undefined);
  }
  await runService(
    {
      name: 'flashsale',
      summary:
        'Admits as many customers to a flash sale as there are pieces, and has their orders placed.',
    },
    () => loadConfig(process.env),
    (config, log) => FlashSaleModule.with(config, log),
  );
}
