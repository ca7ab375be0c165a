import { Injectable, type OnModuleDestroy } from '@nestjs/common';

/** Waits that end with the process at the latest. Waiting costs a timer and nothing else. */
@Injectable()
export class Pauses implements OnModuleDestroy {
  readonly #stop = new AbortController();
  /** What cuts each of those short that are running. */
  readonly #running = new Set<() => void>();

  /** Aborted when the process is to end. */
  get stopping(): AbortSignal {
    return this.#stop.signal;
  }

  onModuleDestroy(): void {
    this.#stop.abort();
    for (const cutShort of this.#running) cutShort();
  }

  /** True when the time is over, false when it was cut short: by the end of the process, or by what `start` was given. */
  wait(ms: number, start: (cutShort: () => void) => void = () => undefined): Promise<boolean> {
    if (this.#stop.signal.aborted) return Promise.resolve(false);
    if (ms <= 0) return Promise.resolve(true);
    return new Promise((resolve) => {
      const end = (isOver: boolean): void => {
        clearTimeout(timer);
        this.#running.delete(cutShort);
        resolve(isOver);
      };
      const cutShort = (): void => end(false);
      const timer = setTimeout(() => end(true), ms);
      this.#running.add(cutShort);
      start(cutShort);
    });
  }
}
