import type { Target } from './target.ts';
import { filters } from './targets/filters.ts';
import { frames } from './targets/frames.ts';
import { jsonBodies } from './targets/json-bodies.ts';
import { batches, properties, records } from './targets/records.ts';
import { requestHeaders } from './targets/request-headers.ts';
import { liveBroker, liveNameServer } from './targets/servers.ts';
import { texts } from './targets/texts.ts';

/** Everything that parses what a peer sends: parsers one by one, then the servers as a whole. */
export async function allTargets(): Promise<Target[]> {
  return [
    frames,
    await requestHeaders(),
    jsonBodies,
    records,
    batches,
    properties,
    texts,
    filters,
    liveNameServer,
    liveBroker,
  ];
}
