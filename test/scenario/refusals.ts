import type { Clock } from '../../mq/clock.ts';
import { RequestCode, type RequestCodeName } from '../../mq/protocol/request-code.ts';
import { ResponseCode } from '../../mq/protocol/response-code.ts';
import type { Intercept } from '../../mq/remoting/processor.ts';

/** What a server of a scenario is told to refuse, to answer late, or to leave without an answer. */
export class Refusals {
  readonly #refused = new Set<number>();
  readonly #ignored = new Set<number>();
  /** How late, in ms. */
  readonly #delayed = new Map<number, number>();

  refuse(request: RequestCodeName): void {
    this.accept(request);
    this.#refused.add(RequestCode[request]);
  }

  ignore(request: RequestCodeName): void {
    this.accept(request);
    this.#ignored.add(RequestCode[request]);
  }

  /** Acts at once, and answers later. */
  delay(request: RequestCodeName, delayMs: number): void {
    this.accept(request);
    this.#delayed.set(RequestCode[request], delayMs);
  }

  accept(request: RequestCodeName): void {
    this.#refused.delete(RequestCode[request]);
    this.#ignored.delete(RequestCode[request]);
    this.#delayed.delete(RequestCode[request]);
  }

  /** `clock` is the server's: a killed one answers nothing. */
  intercept(clock: Clock): Intercept {
    return (request, connection, next) => {
      if (this.#ignored.has(request.code)) return new Promise(() => undefined);
      if (this.#refused.has(request.code)) {
        return { code: ResponseCode.SYSTEM_ERROR, remark: 'refused by the scenario' };
      }
      const delayMs = this.#delayed.get(request.code);
      if (delayMs === undefined) return next(request, connection);
      const answer = next(request, connection);
      const late = new Promise<void>((resolve) => void clock.setTimeout(resolve, delayMs));
      return late.then(() => answer);
    };
  }
}
