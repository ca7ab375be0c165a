import { MqError } from '../../mq/errors.ts';
import { within } from './deadline.ts';

/** The MqError a call fails with. Takes hold of the promise at once, so the test may act before it awaits the result. */
export async function failure(call: Promise<unknown>): Promise<MqError> {
  const error = await within(
    call.then(
      () => undefined,
      (reason: unknown) => reason,
    ),
    'the failing call',
  );
  if (!MqError.is(error)) throw new Error(`expected an MqError, got ${String(error)}`);
  return error;
}

/** The code of the MqError an action throws. */
export function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (MqError.is(error)) return error.code;
    throw error;
  }
  return 'nothing was thrown';
}
