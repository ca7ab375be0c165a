import { expect, it } from '@jest/globals';
import { testBroker } from 'millrace/testkit';
import { stopCouponDatabase } from '../../../infra/demo/coupon-outage.ts';

it('looks for dead letters again when the broker is dead, which the demo kills meanwhile', async () => {
  await using mq = await testBroker();
  await mq.createTopic('%DLQ%coupon-on-order-paid');
  const done: string[] = [];
  const gate = {
    close: async () => {
      done.push('closed');
      await mq.kill();
    },
    reopen: async () => void done.push('open again'),
  };
  const times = { outageMs: 0, deadLettersTimeoutMs: 0 };
  await stopCouponDatabase(gate, mq.namesrvAddr, times);
  expect(done).toEqual(['closed', 'open again']);
});

it('does not fail when the broker does not answer from the first', async () => {
  await using mq = await testBroker();
  await mq.kill();
  let isOpen = true;
  const gate = {
    close: async () => void (isOpen = false),
    reopen: async () => void (isOpen = true),
  };
  const times = { outageMs: 0, deadLettersTimeoutMs: 0 };
  await stopCouponDatabase(gate, mq.namesrvAddr, times);
  expect(isOpen).toBe(true);
});
