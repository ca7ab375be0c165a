import 'reflect-metadata';
import { runService } from '../common/service-process.ts';
import { loadConfig } from './config.ts';
import { CouponModule } from './coupon.module.ts';

await runService(
  { name: 'coupon', summary: 'Issues one coupon for every paid order.' },
  () => loadConfig(process.env),
  (config, log) => CouponModule.with(config, log),
);
