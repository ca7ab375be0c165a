import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { LiveEventName, LiveEvents } from '../../services/storefront/live/live-events.ts';
import { eventText } from '../../services/storefront/live/live-stream.ts';
import { pageFiles } from '../../services/storefront/http/page-files.ts';

/** What the stand answers to a request of the page, as JSON. */
export type StandAnswer = (path: URL, body: unknown) => { status?: number; body: unknown };

/** The shop page without a shop: its files as they are, one stream that says what a test wants said, and a test's answers. */
export class PageStand implements AsyncDisposable {
  readonly url: string;
  /** By method and path without query: `GET /api/catalogue`. */
  readonly answers = new Map<string, StandAnswer>();
  readonly #server: Server;
  readonly #streams = new Set<ServerResponse>();
  /** A page that has heard nothing for 10 s opens its stream again, and is told again. */
  readonly #latest = new Map<LiveEventName, string>();

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('request', (request, response) => void this.#answer(request, response));
  }

  static async open(): Promise<PageStand> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new PageStand(server);
  }

  /** To all pages that are open. */
  say<Name extends LiveEventName>(name: Name, data: LiveEvents[Name]): void {
    const text = eventText(name, data);
    this.#latest.set(name, text);
    for (const stream of this.#streams) stream.write(text);
  }

  /** As if its process had been killed. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    if (this.#server.listening) await once(this.#server, 'close');
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url!, this.url);
    if (path.pathname === '/api/live') return this.#stream(response);
    if (path.pathname.startsWith('/api/live/')) return void response.writeHead(204).end();
    if (path.pathname.startsWith('/api/')) return await this.#answerApi(path, request, response);
    const name = path.pathname === '/' ? 'index.html' : path.pathname.replace('/files/', '');
    const file = await pageFiles.find(name);
    response.writeHead(file === undefined ? 404 : 200, { 'content-type': file?.type ?? '' });
    response.end(file?.text);
  }

  #stream(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(eventText('hello', { streamId: 'one' }));
    for (const text of this.#latest.values()) response.write(text);
    this.#streams.add(response);
    response.on('close', () => this.#streams.delete(response));
  }

  async #answerApi(path: URL, request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const piece of request.setEncoding('utf8') as AsyncIterable<string>) text += piece;
    const answer = this.answers.get(`${request.method} ${path.pathname}`);
    const { status = 200, body } = answer?.(path, text === '' ? undefined : JSON.parse(text)) ?? {
      status: 404,
      body: { title: 'Not Found', detail: `the test answers nothing to ${path.pathname}` },
    };
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  }
}
