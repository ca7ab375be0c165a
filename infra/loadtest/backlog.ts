const timeoutMs = 10_000;

/** What the services themselves say is still to be done. */
export interface Backlog {
  /** Messages that wait for a consumer group, by group. */
  lags: ReadonlyMap<string, number>;
  /** Messages in outboxes and spools, by service. */
  unsent: ReadonlyMap<string, number>;
}

/** A service that is too busy to say what it has to do, or gone. */
export class BacklogUnknown extends Error {
  override readonly name = 'BacklogUnknown';
}

/** Asks every service's /metrics. Errors: BacklogUnknown naming the one that does not answer. */
export async function readBacklog(urls: Readonly<Record<string, string>>): Promise<Backlog> {
  const lags = new Map<string, number>();
  const unsent = new Map<string, number>();
  await Promise.all(
    Object.entries(urls).map(async ([service, url]) => {
      const text = await metricsOf(service, url);
      for (const { labels, value } of valuesOf(text, 'millrace_consumer_lag_messages')) {
        const { group = service } = labels;
        lags.set(group, (lags.get(group) ?? 0) + value);
      }
      for (const { value } of valuesOf(text, 'millrace_outbox_unsent')) unsent.set(service, value);
    }),
  );
  return { lags, unsent };
}

/** All of it as one number. */
export function sizeOf({ lags, unsent }: Backlog): number {
  return [...lags.values(), ...unsent.values()].reduce((sum, count) => sum + count, 0);
}

/** The longest of it in words: `points-on-order-paid 1,204, outbox of push 3`. */
export function backlogText({ lags, unsent }: Backlog): string {
  const parts = [
    ...[...lags].map(([group, count]) => ({ name: group, count })),
    ...[...unsent].map(([service, count]) => ({ name: `outbox of ${service}`, count })),
  ]
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count - a.count);
  if (parts.length === 0) return 'nothing waits';
  const named = parts.slice(0, 3).map(({ name, count }) => `${name} ${count.toLocaleString('en')}`);
  const rest = parts.length - named.length;
  return `${named.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}

async function metricsOf(service: string, url: string): Promise<string> {
  try {
    const response = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(timeoutMs) });
    return await response.text();
  } catch (cause) {
    throw new BacklogUnknown(`${service} does not tell its metrics at ${url}/metrics`, { cause });
  }
}

export interface MetricValue {
  labels: Readonly<Record<string, string>>;
  value: number;
}

/** The values of one metric in Prometheus' text format. */
export function valuesOf(text: string, name: string): MetricValue[] {
  const values: MetricValue[] = [];
  for (const line of text.split('\n')) {
    if (!line.startsWith(`${name}{`) && !line.startsWith(`${name} `)) continue;
    const labels = Object.fromEntries(
      [...line.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g)].map(([, label, value]) => [
        label!,
        value!,
      ]),
    );
    values.push({ labels, value: Number(line.slice(line.lastIndexOf(' ') + 1)) });
  }
  return values;
}
