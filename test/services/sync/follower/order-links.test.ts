import { expect, it } from '@jest/globals';
import { OrderLinks } from '../../../../services/sync/follower/order-links.ts';
import { followedTables } from './mortal-world.ts';

it('writes down later what could not be written down: the row that told it may be gone by then', async () => {
  const links = new OrderLinks(followedTables, []);
  const refund = { refund_no: 'R-1', order_no: 'O-1' };
  links.learn({ table: 'order_refunds', rows: [{ after: refund }] });
  const away = { save: () => Promise.reject(new Error('the database is away')) };
  await expect(links.saveTo(away)).rejects.toThrow('away');
  const saved: unknown[] = [];
  const back = {
    save: (all: readonly unknown[]) => {
      saved.push(...all);
      return Promise.resolve();
    },
  };
  await links.saveTo(back);
  await links.saveTo(back);
  expect(saved).toEqual([{ table: 'order_refunds', link: 'R-1', orderNo: 'O-1' }]);
});
