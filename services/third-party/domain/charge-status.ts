import { DomainError } from '../../common/errors.ts';

export type ChargeStatus = 'PROCESSING' | 'SUCCEEDED' | 'FAILED' | 'VOIDED';

/** Every move a charge may make. What is not here is refused, whoever asks. */
const moves: Readonly<Record<ChargeStatus, readonly ChargeStatus[]>> = {
  PROCESSING: ['SUCCEEDED', 'FAILED', 'VOIDED'],
  SUCCEEDED: [],
  FAILED: [],
  VOIDED: [],
};

/**
 * Decides one move. `repeated` means the charge is already there: the same wish came twice, and is fulfilled.
 *
 * Errors: CHANNEL.SETTLED or CHANNEL.VOIDED, naming the state the charge is in.
 */
export function decideMove(
  requestNo: string,
  from: ChargeStatus,
  to: ChargeStatus,
): 'moved' | 'repeated' {
  if (from === to) return 'repeated';
  if (moves[from].includes(to)) return 'moved';
  throw new DomainError(
    from === 'VOIDED' ? 'CHANNEL.VOIDED' : 'CHANNEL.SETTLED',
    'conflict',
    `charge ${requestNo} is ${from} and cannot become ${to}`,
  );
}
