import { describe, expect, it } from '@jest/globals';
import { RouteTable } from '../../../services/common/route-table.ts';

describe('RouteTable', () => {
  const table = new RouteTable();
  table.add({ url: '/orders', method: 'POST' });
  table.add({ url: '/orders/:orderNo', method: 'GET' });
  table.add({ url: '/orders/:orderNo', method: ['HEAD'] });
  table.add({ url: '*', method: 'OPTIONS' });

  it.each([
    ['/orders', ['POST']],
    ['/orders/4711', ['GET', 'HEAD']],
    ['/orders/', []],
    ['/orders/4711/pay', []],
    ['/nowhere', []],
  ])('%s takes %j', (path, methods) => {
    expect(table.methodsOf(path)).toEqual(methods);
  });
});
