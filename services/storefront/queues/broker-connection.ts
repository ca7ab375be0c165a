import type { OnApplicationShutdown } from '@nestjs/common';
import type { Log } from '../../common/log.ts';
import { Admin } from '../../common/mq.module.ts';

/** A broker that does not answer must not hold up what else the page is told. */
const REQUEST_TIMEOUT_MS = 2_000;

/** The storefront's one way to the broker. */
export class BrokerConnection implements OnApplicationShutdown {
  readonly admin: Admin;

  constructor(namesrvAddr: string, log: Log) {
    this.admin = new Admin({ namesrvAddr, requestTimeoutMs: REQUEST_TIMEOUT_MS, logger: log });
  }

  async onApplicationShutdown(): Promise<void> {
    await this.admin.shutdown();
  }
}
