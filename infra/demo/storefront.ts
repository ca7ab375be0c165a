import { join } from 'node:path';
import { servicePorts } from '@millrace/services/contracts/service-ports';
import { freePort, preferredPort } from '../free-port.ts';
import type { Session } from '../session.ts';
import { isReady, peerEnv, type Services } from './services.ts';
import { stopOrder } from './topology.ts';

/** Starts the process behind the shop page, and returns the page's URL. Services that it does not find are shown as down. */
export async function startStorefront(
  { processes, slot }: Session,
  root: string,
  {
    services,
    namesrvAddr,
    stageUrl,
  }: { services: Services; namesrvAddr: string; stageUrl: string },
): Promise<string> {
  const port = await freePort(preferredPort(servicePorts.storefront, slot.number), 'the shop page');
  const url = `http://127.0.0.1:${port}`;
  await processes.start({
    name: 'storefront',
    command: process.execPath,
    args: [join(root, 'services', 'dist', 'storefront', 'main.js')],
    env: {
      ...peerEnv(services.urls),
      HOST: '127.0.0.1',
      PORT: String(port),
      NAMESRV_ADDR: namesrvAddr,
      CUSTOMER_TOKEN_SECRET: services.customerTokenSecret,
      STAGE_URL: stageUrl,
    },
    // With the services: it asks them, and nobody asks it.
    stopOrder: stopOrder.service,
    stopTimeoutMs: 15_000,
    ready: () => isReady(`${url}/health/ready`),
    readyTimeoutMs: 120_000,
  });
  return url;
}
