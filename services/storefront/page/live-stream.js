import { ask, Problem } from './requests.js';

const REOPEN_MS = 2_000;
/** The server says something every second; so long without a word means that the connection is gone. */
const SILENCE_MS = 10_000;

/**
 * What the server tells by itself: one connection, opened again whenever it breaks, that knows what this page watches.
 *
 * A tab that nobody looks at has none: a browser opens at most six to a server, and six tabs would stop each other.
 */
export class LiveStream {
  /** @type {EventSource | undefined} */
  #source;
  /** @type {string | undefined} */
  #streamId;
  /** @type {number | undefined} */
  #silence;
  #watched = { orderNos: /** @type {readonly string[]} */ ([]), isQueueSideShown: false };
  #listeners;
  #onState;

  /**
   * @param {Record<string, (data: any) => void>} listeners By the event's name.
   * @param {(isLive: boolean) => void} onState
   */
  constructor(listeners, onState) {
    this.#listeners = listeners;
    this.#onState = onState;
  }

  start() {
    document.addEventListener('visibilitychange', () => this.#openWhenSeen());
    this.#openWhenSeen();
  }

  /** @param {{ orderNos?: readonly string[], isQueueSideShown?: boolean }} change */
  watch(change) {
    this.#watched = { ...this.#watched, ...change };
    void this.#tellWatched();
  }

  #openWhenSeen() {
    this.#close();
    if (!document.hidden) this.#open();
  }

  #open() {
    const source = new EventSource('api/live');
    this.#source = source;
    source.addEventListener('hello', (event) => {
      this.#streamId = JSON.parse(event.data).streamId;
      this.#onState(true);
      void this.#tellWatched();
    });
    for (const [name, listener] of Object.entries(this.#listeners)) {
      source.addEventListener(name, (event) => {
        this.#expectMore();
        listener(JSON.parse(event.data));
      });
    }
    source.addEventListener('error', () => this.#reopen());
    this.#expectMore();
  }

  #close() {
    clearTimeout(this.#silence);
    this.#source?.close();
    this.#streamId = undefined;
  }

  #expectMore() {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#reopen(), SILENCE_MS);
  }

  /** A browser gives up by itself when the answer is an error, so it is not left to it. */
  #reopen() {
    this.#close();
    this.#onState(false);
    this.#silence = setTimeout(() => this.#open(), REOPEN_MS);
  }

  async #tellWatched() {
    const streamId = this.#streamId;
    if (streamId === undefined) return;
    try {
      await ask('PUT', `api/live/${streamId}`, { body: this.#watched });
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      // The next connection is told again.
      if (streamId === this.#streamId) this.#reopen();
    }
  }
}
