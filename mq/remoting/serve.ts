import { MqError, type LocalErrorCode } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { RemotingCommand } from '../protocol/frame.ts';
import { describeRequestCode } from '../protocol/request-code.ts';
import { ResponseCode } from '../protocol/response-code.ts';
import type { Connection } from './connection.ts';
import { LaterReply, type ProcessorTable, type Reply } from './processor.ts';

/** Local failures that have a name on the wire; every other one is SYSTEM_ERROR there. */
const wireCode: Partial<Record<LocalErrorCode, ResponseCode>> = {
  INVALID_ARGUMENT: ResponseCode.INVALID_PARAMETER,
  MESSAGE_CORRUPT: ResponseCode.MESSAGE_ILLEGAL,
  STORE_CLOSED: ResponseCode.SERVICE_NOT_AVAILABLE,
  STORE_FAILED: ResponseCode.SERVICE_NOT_AVAILABLE,
};

const LONGEST_REMARK_CHARS = 2_048;

const codeByName: Partial<Record<string, number>> = { ...wireCode, ...ResponseCode };

/**
 * Hands a request to its processor and returns what to answer, whatever happens: every request is answered. A reply that is
 * not ready is given to `answerLater`, once, when it is; undefined is returned then. Never throws.
 */
export function serve(
  request: RemotingCommand,
  connection: Connection,
  processors: ProcessorTable,
  logger: Logger,
  answerLater: (reply: Reply) => void,
): Reply | undefined {
  const processor = processors.get(request.code);
  if (!processor) {
    return {
      code: ResponseCode.REQUEST_CODE_NOT_SUPPORTED,
      remark: `request type ${request.code} not supported`,
    };
  }
  try {
    const outcome = processor(request, connection);
    const onFailure = (error: unknown): void =>
      answerLater(errorReply(error, request, connection, logger));
    if (outcome instanceof LaterReply) {
      outcome.listen(answerLater, onFailure);
      return undefined;
    }
    if (outcome === undefined || !('then' in outcome)) return outcome ?? noReply(request);
    void outcome.then((reply) => answerLater(reply ?? noReply(request)), onFailure);
    return undefined;
  } catch (error) {
    return errorReply(error, request, connection, logger);
  }
}

/**
 * Turns what went wrong with a request into its answer.
 *
 * An MqError speaks for itself. Anything else is a defect of ours, whose text is for the log and not for the peer.
 */
export function errorReply(
  error: unknown,
  request: RemotingCommand,
  connection: Connection,
  logger: Logger,
): Reply {
  const fields = { request: describeRequestCode(request.code), peer: connection.peer };
  if (!MqError.is(error)) {
    logger.error('a request processor failed', { ...fields, error });
    const remark = 'internal error, see the log of this process';
    return { code: ResponseCode.SYSTEM_ERROR, remark };
  }
  const remark = bounded(error.message);
  logger.debug(`refused a request: ${remark}`, { ...fields, code: error.code });
  return { code: codeByName[error.code] ?? ResponseCode.SYSTEM_ERROR, remark };
}

/** What a request named may be as long as a header: its answer and the log repeat the beginning. */
function bounded(text: string): string {
  if (text.length <= LONGEST_REMARK_CHARS) return text;
  return `${text.slice(0, LONGEST_REMARK_CHARS)}… (${text.length} characters)`;
}

/** Reaches the peer only when it asked for a reply to something that has none. */
function noReply(request: RemotingCommand): Reply {
  return {
    code: ResponseCode.SYSTEM_ERROR,
    remark: `${describeRequestCode(request.code)} expects no reply and must be sent oneway`,
  };
}
