import { defineSettings, integer, oneOf, text, type ConfigOf } from './config-options.ts';
import { endpointOptions } from './metrics/endpoint-settings.ts';

const port = { min: 0, max: 65_535 };

const options = {
  bindAddress: text('127.0.0.1', 'Loopback address both listen on.'),
  namesrvPort: integer(9876, port, 'Port of the name server; 0 takes a free one.'),
  listenPort: integer(10911, port, 'Port of the broker; 0 takes a free one.'),
  storePathRootDir: text('.millrace/dev', 'Directory of all state.'),
  flushDiskType: oneOf(
    'SYNC_FLUSH',
    ['SYNC_FLUSH', 'ASYNC_FLUSH'],
    'SYNC_FLUSH acknowledges after fsync, ASYNC_FLUSH once the kernel has the bytes.',
  ),
  ...endpointOptions(5557),
};

/** Settings of `millrace dev`: the few that matter when everything runs in one process. */
export type DevConfig = ConfigOf<typeof options>;

export const {
  descriptions: devOptions,
  load: loadDevConfig,
  from: devConfig,
} = defineSettings('dev', options);
