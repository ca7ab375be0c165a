import type { ServerResponse } from 'node:http';
import type { LiveEventName, LiveEvents } from './live-events.ts';

export type LiveResponse = Pick<
  ServerResponse,
  'writeHead' | 'write' | 'end' | 'destroy' | 'on' | 'writableNeedDrain' | 'writableEnded'
> & { readonly req: { readonly socket: { readonly destroyed: boolean } } };

/** How soon a browser comes again whose stream was cut. */
const RETRY_MS = 2_000;
/** A page that has not read for so many heartbeats is gone, or asleep; it comes again when it wakes up. */
const MAX_STALLED_HEARTBEATS = 3;

/** An event as it is sent; made once for all pages. */
export function eventText<Name extends LiveEventName>(name: Name, data: LiveEvents[Name]): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}

/**
 * The server-sent events of one page.
 *
 * What a slow page has not taken yet is replaced by what is newer of the same thing: no more waits for it than one event a
 * thing.
 */
export class LiveStream {
  readonly id: string;
  readonly #response: LiveResponse;
  readonly #waiting = new Map<string, string>();
  #stalledHeartbeats = 0;

  constructor(id: string, response: LiveResponse, onClose: () => void) {
    this.id = id;
    this.#response = response;
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    response.on('close', onClose);
    response.on('drain', () => {
      this.#stalledHeartbeats = 0;
      this.#flush();
    });
    response.write(`retry: ${RETRY_MS}\n${eventText('hello', { streamId: id })}`);
  }

  get isGone(): boolean {
    return this.#response.writableEnded || this.#response.req.socket.destroyed;
  }

  /** How many events wait for a page that does not read. */
  get waitingCount(): number {
    return this.#waiting.size;
  }

  /** `thing`: what the event is about. */
  send(thing: string, text: string): void {
    if (this.isGone) return;
    // The newer one goes to the end: things are told in the order of their last change.
    this.#waiting.delete(thing);
    this.#waiting.set(thing, text);
    this.#flush();
  }

  /** What nobody looks at any more need not be told. */
  forget(thing: string): void {
    this.#waiting.delete(thing);
  }

  /** Keeps what lies between from cutting the connection. Ends that of a page which has not read for long. */
  beat(): void {
    if (this.isGone) return;
    if (!this.#response.writableNeedDrain) {
      this.#response.write(': still here\n\n');
      return;
    }
    this.#stalledHeartbeats += 1;
    if (this.#stalledHeartbeats >= MAX_STALLED_HEARTBEATS) this.#response.destroy();
  }

  end(): void {
    if (!this.#response.writableEnded) this.#response.end();
  }

  #flush(): void {
    for (const [thing, text] of this.#waiting) {
      if (this.#response.writableNeedDrain) return;
      this.#waiting.delete(thing);
      this.#response.write(text);
    }
  }
}
