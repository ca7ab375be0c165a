import type { IncomingHttpHeaders } from 'node:http';
import type { OnModuleInit } from '@nestjs/common';
import type { HttpAdapterHost } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { problem, sendProblem } from '../../common/http-errors.ts';

type Fastify = ReturnType<ReturnType<NestFastifyApplication['getHttpAdapter']>['getInstance']>;

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;
/** Monitors come by whatever name this process has in their network, and are told nothing that is worth a disguise. */
const MONITORED = /^\/(health\/|metrics$)/;

/**
 * Refuses what another site has a visitor's browser ask. The page has no log-in, so whoever reaches it may do everything; from a
 * browser that is the page itself and nobody else.
 *
 * A name that was made to point here (DNS rebinding) is told by Host, another site's page by Origin or Sec-Fetch-Site, which
 * browsers write and no page can change. Who is no browser sends neither of the two, and may ask.
 */
export class ForeignRequests implements OnModuleInit {
  readonly #adapterHost: HttpAdapterHost;
  readonly #allowedHosts: ReadonlySet<string>;

  /** `allowedHosts`: names without port under which the page is reached, beside those of this machine. */
  constructor(adapterHost: HttpAdapterHost, allowedHosts: readonly string[]) {
    this.#adapterHost = adapterHost;
    this.#allowedHosts = new Set(allowedHosts);
  }

  onModuleInit(): void {
    const fastify = this.#adapterHost.httpAdapter.getInstance<Fastify>();
    fastify.addHook('onRequest', (request, reply, done) => {
      // As it was routed: a path can be written in many ways.
      const refusal = this.#refusalOf(request.headers, request.routeOptions.url ?? '');
      if (refusal === undefined) done();
      else sendProblem(reply, problem(403, 'SHOP.FOREIGN', refusal));
    });
  }

  #refusalOf(headers: IncomingHttpHeaders, route: string): string | undefined {
    if (MONITORED.test(route)) return undefined;
    const host = headers.host?.toLowerCase() ?? '';
    const name = host.replace(/:\d*$/, '');
    if (!LOOPBACK.test(name) && !this.#allowedHosts.has(name)) {
      return `the shop page is not reached as ${JSON.stringify(name.slice(0, 64))}; if it is to be, name it in ALLOWED_HOSTS`;
    }
    if (!route.startsWith('/api/') || isOwn(headers, host)) return undefined;
    return 'another site has asked this, and only the shop page may';
  }
}

function isOwn({ origin, 'sec-fetch-site': site }: IncomingHttpHeaders, host: string): boolean {
  if (site === 'cross-site' || site === 'same-site') return false;
  return origin === undefined || (URL.canParse(origin) && new URL(origin).host === host);
}
