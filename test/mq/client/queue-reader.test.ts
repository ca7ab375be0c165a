import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { clientSettings } from '../../../mq/client/client-options.ts';
import { MqClient } from '../../../mq/client/mq-client.ts';
import { readQueue } from '../../../mq/client/queue-reader.ts';
import { RequestCode } from '../../../mq/protocol/request-code.ts';
import { ResponseCode } from '../../../mq/protocol/response-code.ts';
import { pullReply, record, type PullReply } from './scripted-cluster.ts';
import { ScriptedPeer } from './scripted-peer.ts';

const queue = { topic: 'T', brokerName: 'broker-a', queueId: 0 };

let broker: ScriptedPeer;
let client: MqClient;

beforeEach(async () => {
  broker = await ScriptedPeer.listen();
  client = new MqClient(clientSettings({ namesrvAddr: '127.0.0.1:1' }));
});

afterEach(async () => {
  await client.close();
  await broker[Symbol.asyncDispose]();
});

/** Answers a pull at each offset by this table. */
function serve(replies: Record<number, PullReply>): void {
  broker.on(RequestCode.PULL_MESSAGE, (request, reply) =>
    reply(pullReply(replies[Number(request.extFields?.['queueOffset'])]!)),
  );
}

async function read(from: number, to: number): Promise<number[][]> {
  const pages: number[][] = [];
  for await (const page of readQueue(client, { address: broker.address, queue, from, to })) {
    pages.push(page.map(({ queueOffset }) => queueOffset));
  }
  return pages;
}

const records = (...offsets: number[]): Buffer =>
  Buffer.concat(offsets.map((queueOffset) => record({ queueOffset })));

describe('reading a stretch of a queue', () => {
  it('goes on from page to page and ends at its end, whatever else a page holds', async () => {
    serve({
      2: { next: 4, body: records(1, 2, 3) },
      4: { next: 7, body: records(4, 5, 6) },
    });
    expect(await read(2, 6)).toEqual([
      [2, 3],
      [4, 5],
    ]);
    const wanted = broker.received.map(({ extFields }) => extFields?.['maxMsgNums']);
    expect(wanted).toEqual(['4', '2']);
  });

  it('asks as the tools do, and changes nobody’s progress', async () => {
    serve({ 0: { next: 1, body: records(0) } });
    await read(0, 1);
    expect(broker.received[0]?.extFields).toMatchObject({
      consumerGroup: 'TOOLS_CONSUMER',
      sysFlag: '4',
      suspendTimeoutMillis: '0',
    });
  });

  it('passes over what is no longer kept, and over what the broker filtered out', async () => {
    serve({
      0: { code: ResponseCode.PULL_OFFSET_MOVED, next: 5 },
      5: { code: ResponseCode.PULL_RETRY_IMMEDIATELY, next: 6 },
      6: { next: 7, body: records(6) },
    });
    expect(await read(0, 7)).toEqual([[6]]);
  });

  it('asks for nothing when there is nothing to read', async () => {
    expect(await read(3, 3)).toEqual([]);
    expect(broker.received).toEqual([]);
  });

  it('ends with an error, not with silence, when the broker has nothing before the end', async () => {
    serve({ 0: { next: 1, body: records(0) }, 1: { code: ResponseCode.PULL_NOT_FOUND, next: 1 } });
    await expect(read(0, 2)).rejects.toMatchObject({
      code: 'PULL_NOT_FOUND',
      details: { offset: 1, to: 2 },
    });
  });

  it('gives what it can read before a record whose lengths make no sense', async () => {
    const torn = record({ queueOffset: 1 });
    torn.writeUInt32BE(0xdeadbeef, 4);
    serve({ 0: { next: 3, body: Buffer.concat([records(0), torn, records(2)]) } });
    const pages: number[] = [];
    const reading = async (): Promise<void> => {
      const stretch = { address: broker.address, queue, from: 0, to: 3 };
      for await (const page of readQueue(client, stretch)) pages.push(page.length);
    };
    await expect(reading()).rejects.toThrow(/cannot be read beyond offset 1/);
    expect(pages).toEqual([1]);
  });
});
