import 'reflect-metadata';
import { runService } from '../common/service-process.ts';
import { loadConfig } from './config.ts';
import { CouponModule } from './coupon.module.ts';

await runService(
  {
    name: 'coupon',
    summary: 'Issues a coupon and a red packet for every paid order, and redeems coupons.',
  },
  () => loadConfig(process.env),
  (config, log) => CouponModule.with(config, log),
);
