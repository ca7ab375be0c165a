import { EventEmitter } from 'node:events';
import type {
  LiveEventName,
  LiveEvents,
} from '../../../../services/storefront/live/live-events.ts';
import type { LiveResponse } from '../../../../services/storefront/live/live-stream.ts';

/** A page's end of a stream, which may stop reading. */
export class FakePage extends EventEmitter {
  text = '';
  isReading = true;
  isDestroyed = false;
  writableEnded = false;
  writeHead = () => this;
  readonly req = { socket: { destroyed: false } };

  get response(): LiveResponse {
    return this as unknown as LiveResponse;
  }

  get writableNeedDrain(): boolean {
    return !this.isReading;
  }

  write(text: string): boolean {
    this.text += text;
    return this.isReading;
  }

  end(): void {
    this.writableEnded = true;
    this.emit('close');
  }

  destroy(): void {
    this.isDestroyed = true;
    this.req.socket.destroyed = true;
    this.emit('close');
  }

  readAgain(): void {
    this.isReading = true;
    this.emit('drain');
  }

  /** The data of all events of this name so far. */
  events<Name extends LiveEventName>(name: Name): LiveEvents[Name][] {
    return this.text
      .split('\n\n')
      .filter((event) => event.includes(`event: ${name}\n`))
      .map((event) => JSON.parse(event.slice(event.indexOf('data: ') + 6)) as LiveEvents[Name]);
  }

  get streamId(): string {
    return this.events('hello')[0]!.streamId;
  }
}
