import { describe, expect, it } from '@jest/globals';
import {
  decideMove,
  type ShipmentStatus,
} from '../../../../services/warehouse/domain/shipment-status.ts';

const statuses: ShipmentStatus[] = ['REQUESTED', 'HANDING_OVER', 'SHIPPED', 'CANCELLED'];
const allowed = [
  'REQUESTED → HANDING_OVER',
  'REQUESTED → CANCELLED',
  'HANDING_OVER → SHIPPED',
  'HANDING_OVER → CANCELLED',
];

describe('decideMove', () => {
  it.each(statuses.flatMap((from) => statuses.map((to) => [from, to] as const)))(
    'decides %s → %s by the table',
    (from, to) => {
      const decide = (): string => decideMove('SHP-1', from, to);
      if (from === to) expect(decide()).toBe('repeated');
      else if (allowed.includes(`${from} → ${to}`)) expect(decide()).toBe('moved');
      else {
        expect(decide).toThrow(
          expect.objectContaining({
            code: 'WAREHOUSE.ILLEGAL_MOVE',
            kind: 'conflict',
            message: expect.stringContaining(`SHP-1 is ${from} and cannot become ${to}`),
          }),
        );
      }
    },
  );
});
