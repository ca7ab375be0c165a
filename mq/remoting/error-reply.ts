import { MqError, type LocalErrorCode } from '../errors.ts';
import { ResponseCode } from '../protocol/response-code.ts';
import type { Reply } from './processor.ts';

/** Local failures that have a name on the wire; every other one is SYSTEM_ERROR there. */
const wireCode: Partial<Record<LocalErrorCode, ResponseCode>> = {
  INVALID_ARGUMENT: ResponseCode.INVALID_PARAMETER,
  MESSAGE_CORRUPT: ResponseCode.MESSAGE_ILLEGAL,
  STORE_CLOSED: ResponseCode.SERVICE_NOT_AVAILABLE,
  STORE_FAILED: ResponseCode.SERVICE_NOT_AVAILABLE,
};

/**
 * Turns what a processor threw into the answer to its request.
 *
 * An MqError speaks for itself. Anything else is a defect of ours, whose text is not for the peer.
 */
export function errorReply(error: unknown): Reply {
  if (!MqError.is(error)) {
    return {
      code: ResponseCode.SYSTEM_ERROR,
      remark: 'internal error, see the log of this process',
    };
  }
  const codes: Partial<Record<string, number>> = { ...wireCode, ...ResponseCode };
  return { code: codes[error.code] ?? ResponseCode.SYSTEM_ERROR, remark: error.message };
}
