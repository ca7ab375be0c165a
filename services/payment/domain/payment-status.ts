import { DomainError } from '../../common/errors.ts';

export const paymentStatuses = ['PROCESSING', 'SUCCEEDED', 'FAILED'] as const;
export type PaymentStatus = (typeof paymentStatuses)[number];

/** Every move a payment may make. What is not here is refused, whoever asks. */
const moves: Readonly<Record<PaymentStatus, readonly PaymentStatus[]>> = {
  PROCESSING: ['SUCCEEDED', 'FAILED'],
  SUCCEEDED: [],
  FAILED: [],
};

/**
 * Decides one move. `repeated` means the payment is already there: the same was told before.
 *
 * Errors: PAYMENT.CONTRADICTION naming the state the payment is in: the channel has said one thing and now says another.
 */
export function decideMove(
  paymentNo: string,
  from: PaymentStatus,
  to: PaymentStatus,
): 'moved' | 'repeated' {
  if (from === to) return 'repeated';
  if (moves[from].includes(to)) return 'moved';
  throw new DomainError(
    'PAYMENT.CONTRADICTION',
    'conflict',
    `payment ${paymentNo} is ${from} and cannot become ${to}`,
  );
}
