import { describe, expect, it } from '@jest/globals';
import {
  decideMove,
  type ChargeStatus,
} from '../../../../services/third-party/domain/charge-status.ts';

const statuses: ChargeStatus[] = ['PROCESSING', 'SUCCEEDED', 'FAILED', 'VOIDED'];

describe('decideMove', () => {
  it.each(statuses.flatMap((from) => statuses.map((to) => [from, to] as const)))(
    'decides %s → %s by the table',
    (from, to) => {
      const decide = (): string => decideMove('PAY-1', from, to);
      if (from === to) expect(decide()).toBe('repeated');
      else if (from === 'PROCESSING') expect(decide()).toBe('moved');
      else expect(decide).toThrow(`charge PAY-1 is ${from} and cannot become ${to}`);
    },
  );

  it('says by the code what has become of the charge', () => {
    const codeOf = (from: ChargeStatus, to: ChargeStatus): unknown => {
      try {
        return decideMove('PAY-1', from, to);
      } catch (error) {
        return (error as { code: string }).code;
      }
    };
    expect(codeOf('SUCCEEDED', 'VOIDED')).toBe('CHANNEL.SETTLED');
    expect(codeOf('VOIDED', 'SUCCEEDED')).toBe('CHANNEL.VOIDED');
  });
});
