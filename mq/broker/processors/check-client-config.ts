import { decodeClientConfigBody } from '../../protocol/client-config.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import type { Processor } from '../../remoting/processor.ts';
import { assertTagType } from '../pull-admission.ts';

/** Serves CHECK_CLIENT_CONFIG: consumers ask before they use an expression that is no list of tags. */
export function checkClientConfigProcessor(): Processor {
  return (request) => {
    assertTagType(decodeClientConfigBody(request.body).subscriptionData.expressionType);
    return { code: ResponseCode.SUCCESS };
  };
}
