import { afterEach, describe, expect, it } from '@jest/globals';
import { Admin, type ConsumedMessage } from '../../../mq/index.ts';
import { encodeRecord } from '../../../mq/protocol/message.ts';
import { encodeProperties } from '../../../mq/protocol/properties.ts';
import { RequestCode } from '../../../mq/protocol/request-code.ts';
import { ResponseCode } from '../../../mq/protocol/response-code.ts';
import { failure } from '../../support/failure.ts';
import { routeOver, scriptedNameServer } from './scripted-cluster.ts';
import { ScriptedPeer } from './scripted-peer.ts';

interface Stored {
  body: string;
  storeTimestamp: number;
  properties: Record<string, string>;
  topic?: string;
}

function record({ body, storeTimestamp, properties, topic = 'T' }: Stored, at: number): Buffer {
  return encodeRecord({
    topic,
    queueId: 0,
    flag: 0,
    queueOffset: at,
    commitLogOffset: at * 1000,
    sysFlag: 0,
    bornTimestamp: storeTimestamp,
    bornHost: { address: '127.0.0.1', port: 1 },
    storeTimestamp,
    storeHost: { address: '127.0.0.1', port: 10_911 },
    reconsumeTimes: 0,
    preparedTransactionOffset: 0,
    body: Buffer.from(body),
    propertiesString: encodeProperties(new Map(Object.entries(properties))),
  });
}

const resources: AsyncDisposable[] = [];

afterEach(async () => {
  for (const resource of resources.splice(0)) await resource[Symbol.asyncDispose]();
});

type Requests = Record<string, string>[];

/** An admin client, and brokers that answer every query with these messages, whatever they were asked. */
async function clusterOf(
  ...brokers: (readonly Stored[] | 'refuses')[]
): Promise<{ admin: Admin; requests: Requests }> {
  const requests: Requests = [];
  const peers: ScriptedPeer[] = [];
  for (const messages of brokers) {
    const peer = await ScriptedPeer.listen();
    peer.on(RequestCode.QUERY_MESSAGE, (request, reply) => {
      requests.push({ ...request.extFields });
      if (messages === 'refuses') {
        reply({ code: ResponseCode.SYSTEM_ERROR, remark: 'broken' });
      } else if (messages.length === 0) {
        reply({ code: ResponseCode.QUERY_NOT_FOUND, remark: 'none' });
      } else {
        const extFields = { indexLastUpdateTimestamp: '1', indexLastUpdatePhyoffset: '2' };
        reply({ code: 0, extFields, body: Buffer.concat(messages.map(record)) });
      }
    });
    peers.push(peer);
    resources.push(peer);
  }
  const nameServer = await scriptedNameServer({ T: routeOver(peers) });
  resources.push(nameServer);
  const admin = new Admin({ namesrvAddr: nameServer.address });
  resources.unshift(admin);
  return { admin, requests };
}

function bodies(messages: readonly ConsumedMessage[]): string[] {
  return messages.map((message) => message.text());
}

describe('a query by key', () => {
  it('asks every broker, merges by time, and keeps the newest', async () => {
    const { admin, requests } = await clusterOf(
      [
        { body: 'a1', storeTimestamp: 100, properties: { KEYS: 'x k' } },
        { body: 'a2', storeTimestamp: 300, properties: { UNIQ_KEY: 'k' } },
      ],
      [],
      [{ body: 'c1', storeTimestamp: 200, properties: { KEYS: 'k' } }],
    );
    const found = await admin.queryMessages('T', 'k');
    expect(bodies(found)).toEqual(['a1', 'c1', 'a2']);
    expect(found.map(({ brokerName }) => brokerName)).toEqual(['broker-a', 'broker-c', 'broker-a']);
    expect(requests).toHaveLength(3);
    expect(requests[0]).toEqual({
      topic: 'T',
      key: 'k',
      maxNum: '32',
      beginTimestamp: '0',
      endTimestamp: '9223372036854775807',
      _UNIQUE_KEY_QUERY: 'false',
    });
    const newest = await admin.queryMessages('T', 'k', { maxNum: 2, beginMs: 7, endMs: 8 });
    expect(bodies(newest)).toEqual(['c1', 'a2']);
    expect(requests[3]).toMatchObject({ maxNum: '2', beginTimestamp: '7', endTimestamp: '8' });
  });

  it('takes no message that has another key of the same hash, or another topic', async () => {
    const { admin } = await clusterOf([
      { body: 'right', storeTimestamp: 1, properties: { KEYS: 'Aa' } },
      { body: 'hash', storeTimestamp: 2, properties: { KEYS: 'BB' } },
      { body: 'part', storeTimestamp: 3, properties: { KEYS: 'Aa-1' } },
      { body: 'topic', storeTimestamp: 4, properties: { KEYS: 'Aa' }, topic: 'Other' },
    ]);
    expect(bodies(await admin.queryMessages('T', 'Aa'))).toEqual(['right']);
  });

  it('fails when a broker does not answer it, for the list would lack that broker’s messages', async () => {
    const { admin } = await clusterOf([], 'refuses');
    expect((await failure(admin.queryMessages('T', 'k'))).code).toBe('SYSTEM_ERROR');
  });

  it.each<[string, (admin: Admin) => Promise<unknown>, string]>([
    ['an empty key', (admin) => admin.queryMessages('T', ''), 'INVALID_ARGUMENT'],
    ['a key with a blank', (admin) => admin.queryMessages('T', 'a b'), 'INVALID_ARGUMENT'],
    ['an illegal topic', (admin) => admin.queryMessages('T?', 'k'), 'INVALID_ARGUMENT'],
    ['no message', (admin) => admin.queryMessages('T', 'k', { maxNum: 0 }), 'CONFIG_INVALID'],
    [
      'a range that ends before it begins',
      (admin) => admin.queryMessages('T', 'k', { beginMs: 2, endMs: 1 }),
      'INVALID_ARGUMENT',
    ],
    ['a topic without a route', (admin) => admin.queryMessages('Nowhere', 'k'), 'NO_ROUTE'],
  ])('refuses %s', async (_what, ask, code) => {
    const { admin, requests } = await clusterOf([]);
    expect((await failure(ask(admin))).code).toBe(code);
    expect(requests).toEqual([]);
  });
});

describe('a query by the id of the producer', () => {
  it('finds the first one stored, and none that has the id as a key only', async () => {
    const { admin, requests } = await clusterOf(
      [
        { body: 'as a key', storeTimestamp: 1, properties: { KEYS: 'ID' } },
        { body: 'again', storeTimestamp: 3, properties: { UNIQ_KEY: 'ID' } },
      ],
      [{ body: 'first', storeTimestamp: 2, properties: { UNIQ_KEY: 'ID' } }],
    );
    expect((await admin.messageByUniqueKey('T', 'ID'))?.text()).toBe('first');
    expect(requests[0]).toMatchObject({ _UNIQUE_KEY_QUERY: 'true', maxNum: '32' });
    expect(await admin.messageByUniqueKey('T', 'OTHER')).toBeUndefined();
  });
});
