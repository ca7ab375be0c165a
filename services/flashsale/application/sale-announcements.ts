import { Injectable } from '@nestjs/common';
import { Log } from '../../common/log.ts';
import { SaleKeys } from '../redis/sale-keys.ts';
import { SaleRedis } from '../redis/sale-redis.ts';

/** Tells the other processes, by way of Redis, what they would find out for themselves, only later. */
@Injectable()
export class SaleAnnouncements {
  constructor(
    private readonly redis: SaleRedis,
    private readonly keys: SaleKeys,
    private readonly log: Log,
  ) {}

  /** A sale was opened or closed. */
  async tellOf(saleId: string): Promise<void> {
    try {
      await this.redis.client.publish(this.keys.salesChannel, saleId);
    } catch (error) {
      this.log.debug('redis did not pass the news on', { saleId, error });
    }
  }
}
