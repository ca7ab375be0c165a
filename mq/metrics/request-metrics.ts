import { DurationHistogram } from '../duration-histogram.ts';
import { RequestCode, requestCodeName } from '../protocol/request-code.ts';
import { responseCodeName } from '../protocol/response-code.ts';
import type { Metric } from './exposition.ts';

/** In ms. Those of the original are among them. */
const BOUNDS_MS = [0.5, 1, 3, 5, 7, 10, 25, 50, 100, 250, 500, 1000, 2000, 3000, 10_000];
const ORIGINAL_BOUNDS_MS = [1, 3, 5, 7, 10, 100, 1000, 2000, 3000];

/** These wait at the broker for a message, if there is none. */
const held: ReadonlySet<number> = new Set([
  RequestCode.PULL_MESSAGE,
  RequestCode.LITE_PULL_MESSAGE,
  RequestCode.POP_MESSAGE,
  RequestCode.NOTIFICATION,
]);

/** Stands for every number that is no request code: a peer may send any. */
const UNKNOWN = -1;

/** What a server was asked, by request code and response code, and how long the answers took. */
export class RequestMetrics {
  readonly #byRequest = new Map<number, Map<number, DurationHistogram>>();

  /** An answer was handed to the connection. Of a request that has none (oneway): it has been dealt with. */
  note(requestCode: number, responseCode: number, tookMs: number): void {
    const byResponse = this.#byRequest.get(requestCode) ?? this.#new(requestCode);
    let durations = byResponse.get(responseCode);
    if (durations === undefined) {
      durations = new DurationHistogram(BOUNDS_MS);
      byResponse.set(responseCode, durations);
    }
    durations.add(tookMs);
  }

  metrics(): Metric[] {
    const served = [...this.#byRequest].flatMap(([request, byResponse]) =>
      [...byResponse].map(([response, durations]) => ({
        labels: { request_code: requestName(request), response_code: responseName(response) },
        isHeld: held.has(request),
        durations,
      })),
    );
    return [
      {
        type: 'histogram',
        name: 'millrace_request_duration_seconds',
        help: 'Time from a request to its answer; a pull or pop that waits for a message takes as long as it waits',
        unitMs: 1000,
        histograms: served.map(({ labels, durations }) => ({ labels, durations })),
      },
      {
        type: 'histogram',
        name: 'rocketmq_rpc_latency_milliseconds',
        help: 'The same, as the original has it; is_long_polling: of requests that may wait for a message',
        unitMs: 1,
        boundsMs: ORIGINAL_BOUNDS_MS,
        histograms: served.map(({ labels, isHeld, durations }) => ({
          labels: { protocol_type: 'remoting', ...labels, is_long_polling: String(isHeld) },
          durations,
        })),
      },
    ];
  }

  #new(requestCode: number): Map<number, DurationHistogram> {
    const known = requestCodeName(requestCode) === undefined ? UNKNOWN : requestCode;
    const byResponse = this.#byRequest.get(known) ?? new Map<number, DurationHistogram>();
    this.#byRequest.set(known, byResponse);
    return byResponse;
  }
}

/** As the original spells them. */
function requestName(code: number): string {
  return requestCodeName(code)?.toLowerCase() ?? 'unknown';
}

function responseName(code: number): string {
  return responseCodeName(code)?.toLowerCase() ?? String(code);
}
