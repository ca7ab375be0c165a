import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { clientSettings } from '../../mq/client/client-options.ts';
import { MqClient } from '../../mq/client/mq-client.ts';
import { MqError } from '../../mq/errors.ts';
import { LitePullConsumer, Producer } from '../../mq/index.ts';
import { encodeClientConfigBody } from '../../mq/protocol/client-config.ts';
import { parseFilter } from '../../mq/protocol/filter/parse-filter.ts';
import { PropertyFilter } from '../../mq/protocol/filter/property-filter.ts';
import { checkClientConfig } from '../../mq/protocol/requests/check-client-config.ts';
import { SQL92_EXPRESSION, tagSubscription } from '../../mq/protocol/subscription.ts';
import { someFilter, someProperties } from '../mq/protocol/filter/plain-filter.ts';
import { startOfficialCluster, type OfficialCluster } from './support/official-cluster.ts';

/** `MILLRACE_SEED=17` plays others. */
const seed = Number(process.env['MILLRACE_SEED'] ?? 5);

let cluster: OfficialCluster;

beforeAll(async () => {
  cluster = await startOfficialCluster({ enablePropertyFilter: true });
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
});

describe('the official broker', () => {
  it('selects the same messages by random expressions', async () => {
    const { namesrvAddr } = cluster;
    await cluster.createTopic('T', 1);
    await using producer = new Producer({ namesrvAddr, producerGroup: 'p' });
    const messages = fc.sample(someProperties, { numRuns: 80, seed });
    for (const [index, properties] of messages.entries()) {
      const message = { keys: String(index), properties: Object.fromEntries(properties) };
      await producer.send({ topic: 'T', body: 'x', ...message });
    }
    await using consumer = new LitePullConsumer({
      namesrvAddr,
      consumerGroup: 'g',
      requestTimeoutMs: 30_000,
    });
    await consumer.start();
    const queue = { topic: 'T', brokerName: 'broker-a', queueId: 0 };
    const select = async (sql: string): Promise<number[]> => {
      const found: number[] = [];
      for (let offset = 0; offset < messages.length;) {
        const result = await consumer.pull(queue, offset, { expression: { sql } });
        found.push(...result.messages.map(({ keys }) => Number(keys[0])));
        offset = result.nextBeginOffset;
      }
      return found;
    };
    let selected = 0;
    for (const { text } of fc.sample(someFilter, { numRuns: 300, seed })) {
      const filter = new PropertyFilter(text);
      const wanted = messages.flatMap((each, index) => (filter.matches(each) ? index : []));
      selected += wanted.length;
      expect([text, await select(text)]).toEqual([text, wanted]);
    }
    expect(selected).toBeGreaterThan(1_000);
  });

  it('takes every expression that ours takes, and beyond that only what it does not read to its end', async () => {
    const client = new MqClient(clientSettings({ namesrvAddr: cluster.namesrvAddr }));
    const isTaken = async (sql: string): Promise<boolean> => {
      const subscriptionData = {
        ...tagSubscription('T', '*', 1),
        subString: sql,
        expressionType: SQL92_EXPRESSION,
      };
      const body = encodeClientConfigBody({ clientId: 'c', group: 'g', subscriptionData });
      try {
        await client.call(cluster.brokerAddr, checkClientConfig, {}, { body });
        return true;
      } catch (error) {
        if (MqError.is(error) && error.code === 'SUBSCRIPTION_PARSE_FAILED') return false;
        throw error;
      }
    };
    const counts = { both: 0, neither: 0, onlyTheirs: 0 };
    try {
      for (const sql of fc.sample(nearlyRight, { numRuns: 1_000, seed })) {
        const [ours, theirs] = [isRead(sql), await isTaken(sql)];
        if (ours) expect([sql, theirs]).toEqual([sql, true]);
        if (ours) counts.both++;
        else if (!theirs) counts.neither++;
        else {
          counts.onlyTheirs++;
          // Cut off where theirs stops reading, it is one for ours, too.
          const starts = Array.from(sql, (_char, index) => sql.slice(0, index));
          expect([sql, starts.some(isRead)]).toEqual([sql, true]);
        }
      }
    } finally {
      await client.close();
    }
    expect(Math.min(...Object.values(counts))).toBeGreaterThan(20);
  });
});

function isRead(sql: string): boolean {
  try {
    parseFilter(sql);
    return true;
  } catch (error) {
    if (MqError.is(error)) return false;
    throw error;
  }
}

const words =
  "a NOT AND OR BETWEEN IN TRUE NULL IS CONTAINS ( ) , = <> < - + 5 07 0.0 1e3 'x' -- /* ; 1L".split(
    ' ',
  );

/** An expression with a word put in, left out, or put for another. */
const nearlyRight = fc
  .tuple(someFilter, fc.nat(), fc.nat(2), fc.constantFrom(...words))
  .map(([{ text }, place, cutCount, word]) => {
    const parts = text.split(/ +/);
    const put = cutCount === 2 ? [] : [word];
    return parts.toSpliced(place % parts.length, Math.min(cutCount, 1), ...put).join(' ');
  });
