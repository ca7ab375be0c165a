import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { RecentLog } from '../../../mq/store/recent-log.ts';
import { plays } from '../../support/plays.ts';

const MIB = 1024 * 1024;

/** Appends `byteCount` bytes, each the low byte of its offset. */
function append(log: RecentLog, offset: number, byteCount: number): void {
  const { buffer, at } = log.reserve(offset, byteCount);
  for (let index = 0; index < byteCount; index++) buffer[at + index] = (offset + index) & 0xff;
}

function expectBytes(bytes: Buffer, offset: number): void {
  const wrong = bytes.findIndex((byte, index) => byte !== ((offset + index) & 0xff));
  expect({ offset, wrong }).toEqual({ offset, wrong: -1 });
}

describe('the newest bytes of the log', () => {
  it('never change in a view that was handed out, whatever is appended, written and forgotten later', () => {
    const step = fc.record({
      byteCount: fc.integer({ min: 1, max: MIB + 5 }),
      look: fc.option(fc.record({ back: fc.nat({ max: 6 * MIB }), length: fc.nat({ max: 3000 }) })),
      isWritten: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 10, maxLength: 25 }), (steps) => {
        const log = new RecentLog(2 * MIB);
        const views: { view: Buffer; offset: number }[] = [];
        let end = 0;
        for (const { byteCount, look, isWritten } of steps) {
          append(log, end, byteCount);
          end += byteCount;
          const offset = end - Math.min(end, look?.back ?? 0);
          const view = look === null ? undefined : log.slice(offset, look.length);
          if (view !== undefined) views.push({ view, offset });
          if (isWritten) log.trim(end);
          const copy = Buffer.alloc(2000);
          expectBytes(copy.subarray(0, log.copyFrom(offset, copy)), offset);
        }
        for (const { view, offset } of views) expectBytes(view, offset);
      }),
      plays(30),
    );
  });

  it('use memory again that nobody has a view of, and no other', () => {
    const log = new RecentLog(2 * MIB);
    const buffers: Buffer[] = [];
    for (let index = 0; index < 6; index++) {
      buffers.push(log.reserve(index * MIB, MIB).buffer);
      if (index === 1) log.slice(index * MIB, 10);
      log.trim((index + 1) * MIB);
    }
    const again = buffers.map((buffer, index) => buffers.indexOf(buffer) !== index);
    expect(again).toEqual([false, false, false, true, false, true]);
    expect(log.heldBytes).toBeLessThanOrEqual(3 * MIB);
  });
});
