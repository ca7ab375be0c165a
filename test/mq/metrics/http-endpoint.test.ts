import { expect, it } from '@jest/globals';
import { request } from 'node:http';
import { silentLogger } from '../../../mq/logger.ts';
import { HttpEndpoint } from '../../../mq/metrics/http-endpoint.ts';

it('an endpoint on loopback answers who names it by address, and puts nothing together for a HEAD', async () => {
  let madeCount = 0;
  const endpoint = new HttpEndpoint({
    host: '127.0.0.1',
    port: 0,
    metrics: async () => String(++madeCount),
    parts: () => ({}),
    isBackground: true,
    logger: silentLogger,
  });
  const { port } = await endpoint.start();
  const ask = (method: string, host: string): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const asked = request({ host: '127.0.0.1', port, path: '/metrics', method, agent: false });
      asked.setHeader('host', host);
      asked.on('error', reject);
      asked.on('response', (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode));
      });
      asked.end();
    });
  try {
    expect(await ask('HEAD', 'localhost')).toBe(200);
    expect(madeCount).toBe(0);
    for (const host of ['localhost', `localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`]) {
      expect(await ask('GET', host)).toBe(200);
    }
    for (const host of ['evil.example', `evil.example:${port}`, 'localhost.evil.example']) {
      expect(await ask('GET', host)).toBe(421);
    }
    expect(madeCount).toBe(4);
  } finally {
    await endpoint.close();
  }
});
