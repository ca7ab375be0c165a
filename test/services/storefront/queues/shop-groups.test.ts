import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { shopGroups } from '../../../../services/storefront/queues/shop-groups.ts';

const services = join(import.meta.dirname, '../../../../services');

/** The groups of the services' listeners, by their source. */
function groupsInSources(): string[] {
  return readdirSync(services, { recursive: true, encoding: 'utf8' })
    .filter((file) => /^[\w-]+\/(messaging|copy)\/on-.*\.ts$/.test(file))
    .map((file) => {
      const source = readFileSync(join(services, file), 'utf8');
      const group = /GROUP = '([\w-]+)'/.exec(source)?.[1];
      if (group === undefined) throw new Error(`${file} names no consumer group`);
      return group;
    });
}

describe('the groups of the shop', () => {
  it('are those of its listeners', () => {
    const named = shopGroups.map(({ group }) => group);
    expect(named.toSorted()).toEqual(groupsInSources().toSorted());
  });

  it('have dead letters, but for the two that consume in order', () => {
    const without = shopGroups.filter(({ deadLetterGroup }) => deadLetterGroup === undefined);
    expect(without.map(({ group }) => group)).toEqual(['flashsale-place-orders', 'sync-copy']);
  });
});
