import { encodeJsonBody } from './json-body.ts';

/** What a listener made of a message, in the words of CMResult.java. */
export type DirectVerdict =
  'CR_SUCCESS' | 'CR_LATER' | 'CR_ROLLBACK' | 'CR_COMMIT' | 'CR_THROW_EXCEPTION' | 'CR_RETURN_NULL';

export interface ConsumeDirectlyResult {
  /** Whether the consumer consumes in order. */
  readonly order: boolean;
  readonly consumeResult: DirectVerdict;
  /** What was thrown. */
  readonly remark: string | undefined;
  readonly spentTimeMills: number;
}

/** The body of the reply to CONSUME_MESSAGE_DIRECTLY. */
export function encodeConsumeDirectlyResult(result: ConsumeDirectlyResult): Buffer {
  return encodeJsonBody({
    autoCommit: true,
    consumeResult: result.consumeResult,
    order: result.order,
    remark: result.remark,
    spentTimeMills: result.spentTimeMills,
  });
}
