import 'reflect-metadata';
import { request } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Module, Post } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createHttpService } from '../../../../services/common/http-service.ts';
import { MetricsController } from '../../../../services/common/metrics.controller.ts';
import { Metrics } from '../../../../services/common/metrics.ts';
import { ForeignRequests } from '../../../../services/storefront/http/foreign-requests.ts';
import { recordingLog } from '../../recording-log.ts';

let app: NestFastifyApplication;
let port: number;
let postCount: number;

beforeEach(async () => {
  postCount = 0;
  @Controller()
  class ShopController {
    @Get()
    page(): string {
      return 'the page';
    }

    @Post('api/orders')
    place(): object {
      postCount += 1;
      return {};
    }
  }
  @Module({
    controllers: [ShopController, MetricsController],
    providers: [
      { provide: Metrics, useValue: new Metrics('shop') },
      {
        provide: ForeignRequests,
        useFactory: (host: HttpAdapterHost) => new ForeignRequests(host, ['shop.example']),
        inject: [HttpAdapterHost],
      },
    ],
  })
  class ShopModule {}
  app = await createHttpService({ module: ShopModule }, { stopGraceMs: 1_000 }, recordingLog().log);
  await app.listen(0, '127.0.0.1');
  ({ port } = app.getHttpServer().address() as { port: number });
});

afterEach(() => app.close());

/** The status of the answer; `fetch` would not send a Host of one's own. */
function ask(method: string, path: string, headers: Record<string, string>): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, method, path, headers, agent: false });
    asked.on('error', reject);
    asked.on('response', (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    asked.end();
  });
}

describe('requests of other sites', () => {
  it('are told by a name that is neither of this machine nor allowed', async () => {
    for (const host of [
      'localhost',
      `127.0.0.1:${port}`,
      '[::1]:80',
      'LocalHost:1',
      'Shop.Example',
    ]) {
      expect([host, await ask('GET', '/', { host })]).toEqual([host, 200]);
    }
    for (const host of ['evil.example', '127.0.0.1.evil.example', 'localhost.evil.example:80']) {
      expect([host, await ask('GET', '/', { host })]).toEqual([host, 403]);
      expect(await ask('GET', '/nowhere', { host })).toBe(403);
    }
    // A monitor comes by whatever name a container has.
    expect(await ask('GET', '/metrics', { host: 'storefront:8080' })).toBe(200);
  });

  it('are told by what browsers say of where they come from, however the path is written', async () => {
    const host = `localhost:${port}`;
    const own = { host, origin: `http://${host}`, 'sec-fetch-site': 'same-origin' };
    expect(await ask('POST', '/api/orders', { host })).toBe(201);
    expect(await ask('POST', '/api/orders', own)).toBe(201);
    expect(postCount).toBe(2);
    for (const foreign of [
      { origin: 'http://evil.example' },
      { origin: `http://localhost:${port + 1}` },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
    ]) {
      for (const path of ['/api/orders', '/%61pi/orders']) {
        expect(await ask('POST', path, { host, ...foreign })).toBe(403);
      }
    }
    expect(postCount).toBe(2);
    // A link from elsewhere leads to the page all the same.
    expect(await ask('GET', '/', { host, 'sec-fetch-site': 'cross-site' })).toBe(200);
  });
});
