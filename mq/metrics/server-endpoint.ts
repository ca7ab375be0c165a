import { systemClock } from '../clock.ts';
import type { Logger } from '../logger.ts';
import { formatHostPort } from '../protocol/host-address.ts';
import type { OnAnswered } from '../remoting/socket-connection.ts';
import { endpointHost, type EndpointSettings } from './endpoint-settings.ts';
import { exposition, type Labels, type Metric } from './exposition.ts';
import { HttpEndpoint, type Parts } from './http-endpoint.ts';
import { ProcessMetrics } from './process-metrics.ts';
import { RequestMetrics } from './request-metrics.ts';
import { SharedAnswer } from './shared-answer.ts';

/** However many ask, the server puts its metrics together no more often: less often than it is scraped. */
const METRICS_KEPT_MS = 2_000;

/** What a server says of itself once it serves. */
export interface Watched {
  /** Of what takes long, in slices: between two metrics the server goes on with its work. */
  metrics(): Iterable<Metric> | AsyncIterable<Metric>;
  parts(): Parts;
}

export interface ServerEndpointOptions {
  readonly labels: Labels;
  readonly isBackground: boolean | undefined;
  readonly logger: Logger;
}

/** Metrics and health of one server, from its start to its end. Costs nothing when nobody asked for it, but numbers that are kept anyway. */
export class ServerEndpoint {
  readonly address: string;
  readonly #http: HttpEndpoint;
  readonly #process: ProcessMetrics;
  readonly #state: State;
  readonly onAnswered: OnAnswered;

  private constructor(address: string, http: HttpEndpoint, process: ProcessMetrics, state: State) {
    this.address = address;
    this.#http = http;
    this.#process = process;
    this.#state = state;
    this.onAnswered = (...answered) => state.requests.note(...answered);
  }

  /** Undefined with metricsExporterType DISABLE. Errors: CONFIG_INVALID when the address cannot be listened on. */
  static async start(
    settings: EndpointSettings,
    { labels, isBackground = false, logger }: ServerEndpointOptions,
  ): Promise<ServerEndpoint | undefined> {
    if (settings.metricsExporterType === 'DISABLE') return undefined;
    const process = new ProcessMetrics(systemClock);
    const state: State = { requests: new RequestMetrics(), watched: undefined, why: 'it starts' };
    const text = () => exposed(metricsOf(process, state), labels);
    const metrics = new SharedAnswer(text, METRICS_KEPT_MS, systemClock);
    const http = new HttpEndpoint({
      host: endpointHost(settings),
      port: settings.metricsPromExporterPort,
      metrics: () => metrics.get(),
      parts: () => state.watched?.parts() ?? { server: { status: 'down', reason: state.why } },
      isBackground,
      logger,
    });
    try {
      return new ServerEndpoint(formatHostPort(await http.start()), http, process, state);
    } catch (error) {
      process.close();
      throw error;
    }
  }

  /** From now on it may be ready. */
  serves(watched: Watched): void {
    this.#state.watched = watched;
  }

  /** From now on it is not ready any more. */
  stops(): void {
    this.#state.watched = undefined;
    this.#state.why = 'it stops';
  }

  async close(): Promise<void> {
    this.#process.close();
    await this.#http.close();
  }
}

interface State {
  readonly requests: RequestMetrics;
  watched: Watched | undefined;
  why: string;
}

async function exposed(metrics: AsyncIterable<Metric>, labels: Labels): Promise<string> {
  const texts: string[] = [];
  for await (const metric of metrics) {
    texts.push(exposition([metric], labels));
    await new Promise((resolve) => setImmediate(resolve));
  }
  return texts.join('');
}

async function* metricsOf(
  process: ProcessMetrics,
  { requests, watched }: State,
): AsyncIterable<Metric> {
  yield* process.metrics();
  yield* requests.metrics();
  if (watched !== undefined) yield* watched.metrics();
}
