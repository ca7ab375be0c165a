import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { describe, expect, it, jest } from '@jest/globals';
import { freePort, preferredPort } from '../../infra/free-port.ts';

describe('ports', () => {
  it('are preferred by one command at a time, so that two started together do not take each other’s', () => {
    const usual = [9876, 10911, 3001, 3002, 3003];
    const preferred = [1, 2, 3].flatMap((slot) => usual.map((port) => preferredPort(port, slot)));
    expect(preferred.slice(0, usual.length)).toEqual(usual);
    expect(new Set(preferred).size).toBe(preferred.length);
  });

  it('that somebody listens on are replaced by a free one, and it is said who does', async () => {
    await using taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const said = jest.spyOn(console, 'log').mockImplementation(() => undefined);
    try {
      const other = await freePort(port, 'the shop page');
      expect(other).not.toBe(port);
      expect(said.mock.calls).toEqual([
        [
          expect.stringMatching(
            `Port ${port} is held by process ${process.pid} \\(.*\\): the shop page gets ${other} instead`,
          ),
        ],
      ]);
    } finally {
      said.mockRestore();
    }
  });

  it('are handed out once', async () => {
    const first = await freePort();
    expect(await freePort(first)).not.toBe(first);
  });
});
