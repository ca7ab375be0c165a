import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { DueTimes } from '../../../mq/broker/due-times.ts';
import { plays } from '../../support/plays.ts';

describe('due times', () => {
  it('give out every entry once, not before its time and no later than a slot after it', () => {
    const change = fc.record({
      id: fc.nat(9),
      dueMs: fc.nat(20_000),
      kind: fc.constantFrom('set', 'set', 'delete', 'take'),
      stepMs: fc.nat(3_000),
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
        const times = new DueTimes<{ id: number }>();
        const entries = Array.from({ length: 10 }, (_, id) => ({ id }));
        const model = new Map<number, number>();
        let nowMs = 0;
        for (const { id, dueMs, kind, stepMs } of changes) {
          if (kind === 'set') {
            times.set(entries[id]!, dueMs);
            model.set(id, dueMs);
          } else if (kind === 'delete') {
            times.delete(entries[id]!);
            model.delete(id);
          } else {
            nowMs += stepMs;
            for (const taken of times.takeDue(nowMs, 3)) {
              expect(model.get(taken.id)).toBeLessThanOrEqual(nowMs);
              model.delete(taken.id);
            }
            for (let more = times.takeDue(nowMs, 99); more.length > 0;) {
              for (const taken of more) model.delete(taken.id);
              more = times.takeDue(nowMs, 99);
            }
            for (const left of model.values()) expect(left).toBeGreaterThan(nowMs - 100);
          }
          expect(times.size).toBe(model.size);
          const nextMs = times.nextDueMs();
          if (model.size === 0) expect(nextMs).toBeUndefined();
          else expect(nextMs).toBeLessThan(Math.min(...model.values()) + 100);
        }
      }),
      plays(500),
    );
  });
});
