import { createHttpService } from '../../../services/common/http-service.ts';
import { peerNames, loadConfig, type PeerName } from '../../../services/storefront/config.ts';
import type { LiveEventName, LiveEvents } from '../../../services/storefront/live/live-events.ts';
import { StorefrontModule } from '../../../services/storefront/storefront.module.ts';
import { recordingLog } from '../../services/recording-log.ts';
import { until } from '../../support/deadline.ts';
import { CUSTOMER_TOKEN_SECRET } from './shop.ts';

/** Nobody listens there. */
const NOBODY = 'http://127.0.0.1:1';

/** A storefront in this process. Services that are not named are away. */
export class RunningStorefront implements AsyncDisposable {
  readonly url: string;
  readonly #close: () => Promise<void>;

  private constructor(url: string, close: () => Promise<void>) {
    this.url = url;
    this.#close = close;
  }

  static async start(
    namesrvAddr: string,
    urls: Partial<Record<PeerName, string>>,
    env: Readonly<Record<string, string>> = {},
  ): Promise<RunningStorefront> {
    const peers = peerNames.map((name) => [
      `${name.toUpperCase().replaceAll('-', '_')}_URL`,
      urls[name] ?? NOBODY,
    ]);
    const { log } = recordingLog();
    const config = loadConfig({
      ...Object.fromEntries(peers),
      PORT: '0',
      NAMESRV_ADDR: namesrvAddr,
      CUSTOMER_TOKEN_SECRET,
      ...env,
    });
    const module = StorefrontModule.with(config, log);
    const app = await createHttpService(module, { stopGraceMs: 5_000 }, log);
    await app.listen(0, '127.0.0.1');
    const { port } = app.getHttpServer().address() as { port: number };
    return new RunningStorefront(`http://127.0.0.1:${port}`, () => app.close());
  }

  get(path: string): Promise<Response> {
    return fetch(`${this.url}${path}`);
  }

  send(method: string, path: string, body?: unknown, key?: string): Promise<Response> {
    return fetch(`${this.url}${path}`, {
      method,
      headers: {
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(key !== undefined && { 'idempotency-key': key }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  }

  /** A page that listens, and has been greeted. */
  async openPage(): Promise<LivePage> {
    const page = new LivePage(this);
    await until(() => page.last('hello'), { timeoutMs: 60_000, what: 'the greeting of a page' });
    return page;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#close();
  }
}

/** What a browser would hear. */
export class LivePage implements Disposable {
  readonly #storefront: RunningStorefront;
  readonly #abort = new AbortController();
  readonly #heard: { name: string; data: unknown }[] = [];
  readonly ended: Promise<void>;

  constructor(storefront: RunningStorefront) {
    this.#storefront = storefront;
    this.ended = this.#listen();
  }

  last<Name extends LiveEventName>(name: Name): LiveEvents[Name] | undefined {
    return this.all(name).at(-1);
  }

  all<Name extends LiveEventName>(name: Name): LiveEvents[Name][] {
    return this.#heard
      .filter((event) => event.name === name)
      .map(({ data }) => data as LiveEvents[Name]);
  }

  watch(orderNos: readonly string[], isQueueSideShown = false): Promise<Response> {
    const { streamId } = this.last('hello')!;
    return this.#storefront.send('PUT', `/api/live/${streamId}`, { orderNos, isQueueSideShown });
  }

  /** Waits for an event that is so. */
  until<Name extends LiveEventName>(
    name: Name,
    isSo: (data: LiveEvents[Name]) => boolean,
  ): Promise<LiveEvents[Name]> {
    return until(() => this.all(name).find(isSo), {
      timeoutMs: 60_000,
      what: `an event ${name} that is ${String(isSo)}; the last was ${JSON.stringify(this.last(name))}`,
    });
  }

  [Symbol.dispose](): void {
    this.#abort.abort();
  }

  async #listen(): Promise<void> {
    const { signal } = this.#abort;
    try {
      const response = await fetch(`${this.#storefront.url}/api/live`, { signal });
      let text = '';
      for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) {
        text += piece;
        const events = text.split('\n\n');
        text = events.pop()!;
        for (const event of events) this.#hear(event);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  #hear(event: string): void {
    const name = /^event: (.*)$/m.exec(event)?.[1];
    const data = /^data: (.*)$/m.exec(event)?.[1];
    if (name !== undefined && data !== undefined) {
      this.#heard.push({ name, data: JSON.parse(data) });
    }
  }
}
