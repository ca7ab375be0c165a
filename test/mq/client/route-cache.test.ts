import { expect, it } from '@jest/globals';
import { RouteCache } from '../../../mq/client/route-cache.ts';
import type { TopicRouteData } from '../../../mq/protocol/route.ts';

function routeOver(brokers: Record<string, string>): TopicRouteData {
  return {
    brokerDatas: Object.entries(brokers).map(([brokerName, address]) => ({
      cluster: 'c',
      brokerName,
      brokerAddrs: new Map([[0, address]]),
    })),
    queueDatas: [],
  };
}

it('finds a broker where the name server said last, whichever topic it was asked for', () => {
  const routes = new RouteCache();
  routes.set('A', routeOver({ a: 'old:1' }));
  routes.set('B', routeOver({ a: 'old:1' }));
  routes.set('B', routeOver({ a: 'new:1' }));
  expect(routes.masterAddress('a')).toBe('new:1');
  routes.set('A', routeOver({ a: 'new:1' }));
  routes.set('A', routeOver({ a: 'newer:1' }));
  expect(routes.masterAddress('a')).toBe('newer:1');
  // Said once more, it counts as said last.
  routes.set('B', routeOver({ a: 'new:1' }));
  expect(routes.masterAddress('a')).toBe('new:1');
});

it('knows a broker as long as a route leads to it', () => {
  const routes = new RouteCache();
  routes.set('A', routeOver({ a: 'h:1', b: 'h:2' }));
  routes.set('B', routeOver({ b: 'h:2' }));
  routes.set('A', routeOver({ b: 'h:2' }));
  expect(routes.masterAddress('a')).toBeUndefined();
  routes.delete('A');
  expect(routes.masterAddress('b')).toBe('h:2');
  routes.delete('B');
  expect(routes.masterAddress('b')).toBeUndefined();
});
