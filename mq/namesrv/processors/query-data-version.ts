import { queryDataVersion } from '../../protocol/requests/query-data-version.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import {
  decodeDataVersion,
  encodeDataVersion,
  isSameDataVersion,
} from '../../protocol/topic-config.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { NameServerContext } from '../name-server-context.ts';

/** QUERY_DATA_VERSION: tells a broker whether it needs to register its topics again. */
export function queryDataVersionProcessor({ routes, clock }: NameServerContext): Processor {
  return (request) => {
    const identity = queryDataVersion.decodeRequest(request.extFields);
    const asked = request.body && decodeDataVersion(request.body);
    const known = routes.dataVersion(identity, asked, clock.monotonicMs());
    const changed = !known || !asked || !isSameDataVersion(known, asked);
    return {
      code: ResponseCode.SUCCESS,
      extFields: queryDataVersion.encodeResponse({ changed }),
      body: known && encodeDataVersion(known),
    };
  };
}
