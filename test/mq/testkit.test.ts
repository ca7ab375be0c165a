import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import * as os from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Admin, Producer } from '../../mq/index.ts';
import { startDev, startNameServer } from '../../mq/server.ts';
import type { TestBrokerOptions } from '../../mq/testkit.ts';

let directory: string;

// Nobody else's files are in this one, so that "nothing is left" can be seen.
jest.unstable_mockModule('node:os', () => ({ ...os, tmpdir: () => directory }));
const { testBroker } = await import('../../mq/testkit.ts');

beforeEach(async () => {
  directory = await mkdtemp(join(os.tmpdir(), 'millrace-testkit-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

describe('testBroker', () => {
  it('leaves nothing behind, however often it is closed', async () => {
    await using mq = await testBroker();
    expect(await readdir(directory)).toHaveLength(1);
    await mq.close();
    await mq.close();
    expect(await readdir(directory)).toEqual([]);
  });

  it('leaves nothing behind when it cannot start', async () => {
    {
      await using taken = createServer().listen(0, '127.0.0.1');
      await once(taken, 'listening');
      const { port } = taken.address() as AddressInfo;
      await expect(testBroker({ listenPort: port })).rejects.toThrow('the port is in use');
    }
    await expect(testBroker({ brokerId: -1 })).rejects.toThrow('brokerId');
    const elsewhere = { namesrvAddr: '127.0.0.1:9876' } as TestBrokerOptions;
    await expect(testBroker(elsewhere)).rejects.toThrow('leave namesrvAddr out');
    expect(await readdir(directory)).toEqual([]);
  });

  it('may run twice at once, each with its own topics', async () => {
    await using one = await testBroker();
    await using two = await testBroker();
    await one.createTopic('ONLY_IN_ONE', 2);
    await using admin = new Admin({ namesrvAddr: two.namesrvAddr });
    expect(await admin.topicRoute('ONLY_IN_ONE')).toBeUndefined();
    expect(one.storeDir).not.toBe(two.storeDir);
  });

  it('keeps a store directory that the test named, and what was sent to it', async () => {
    const storePathRootDir = join(directory, 'store');
    {
      await using mq = await testBroker({ storePathRootDir });
      await mq.createTopic('KEPT', 1);
      await using producer = new Producer({ namesrvAddr: mq.namesrvAddr, producerGroup: 'test' });
      await producer.send({ topic: 'KEPT', body: 'x' });
    }
    await using again = await testBroker({ storePathRootDir });
    await using admin = new Admin({ namesrvAddr: again.namesrvAddr });
    const [queue] = await admin.queues('KEPT');
    expect(await admin.maxOffset(queue!)).toBe(1);
  });
});

describe('startDev', () => {
  it('lets both listen where other machines can reach when the settings allow it', async () => {
    const storePathRootDir = join(directory, 'store');
    const open = { bindAddress: '0.0.0.0', namesrvPort: 0, listenPort: 0, storePathRootDir };
    await expect(startDev(open)).rejects.toThrow('set allowNonLoopback=true');
    await using dev = await startDev({ ...open, allowNonLoopback: true });
    await using admin = new Admin({ namesrvAddr: dev.namesrvAddr });
    await admin.createTopic({ topic: 'T', readQueueNums: 1, writeQueueNums: 1 });
    expect(dev.broker.config.bindAddress).toBe('0.0.0.0');
  });

  it('gives the name server’s port back when the broker’s settings are wrong', async () => {
    const nameServer = await startNameServer({ listenPort: 0, kvConfigPath: '' });
    const namesrvPort = Number(nameServer.address.split(':')[1]);
    await nameServer.close();
    const storePathRootDir = join(directory, 'store');
    const failing = startDev({ namesrvPort, storePathRootDir, brokerId: -1 });
    await expect(failing).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    const again = await startNameServer({ listenPort: namesrvPort, kvConfigPath: '' });
    await again.close();
  });
});
