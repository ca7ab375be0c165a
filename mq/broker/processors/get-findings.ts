import { encodeFindings } from '../../protocol/finding.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import type { Processor } from '../../remoting/processor.ts';
import type { BrokerContext } from '../broker-context.ts';

/** GET_FINDINGS: all of them, the one seen last first. */
export function getFindingsProcessor({ findings }: BrokerContext): Processor {
  return () => ({ code: ResponseCode.SUCCESS, body: encodeFindings(findings.list()) });
}
