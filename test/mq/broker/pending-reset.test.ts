import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { PendingReset } from '../../../mq/broker/pending-reset.ts';
import { plays } from '../../support/plays.ts';

const connection = { name: 'of a member' };
const other = { name: 'of another member' };

describe('a reset that is pending', () => {
  it('is taken over by whoever pulls at its place and reports it as progress', () => {
    const reset = new PendingReset(7);
    expect(
      reset.isTakenOverBy({ queueOffset: 7, commitOffset: 7, wasHeld: false }, connection),
    ).toBe(true);
  });

  it('is not by a pull from elsewhere, whatever it reports', () => {
    const reset = new PendingReset(7);
    for (const commitOffset of [7, 9, undefined]) {
      expect(
        reset.isTakenOverBy({ queueOffset: 9, commitOffset, wasHeld: false }, connection),
      ).toBe(false);
    }
  });

  // A backlog that is skipped: everything is fetched, and the member waits for more at the very place it is sent to.
  it('is not by a member that happens to pull there and has older messages unfinished', () => {
    const reset = new PendingReset(7);
    expect(
      reset.isTakenOverBy({ queueOffset: 7, commitOffset: 2, wasHeld: false }, connection),
    ).toBe(false);
    expect(
      reset.isTakenOverBy({ queueOffset: 7, commitOffset: undefined, wasHeld: false }, connection),
    ).toBe(false);
  });

  it('is by a pull there that reports nothing, from a connection that was told or has asked', () => {
    for (const hear of ['tell', 'inform'] as const) {
      const reset = new PendingReset(7);
      reset[hear](connection, { wasHeld: false });
      const pull = { queueOffset: 7, commitOffset: undefined, wasHeld: false };
      expect(reset.isTakenOverBy(pull, other)).toBe(false);
      expect(reset.isTakenOverBy(pull, connection)).toBe(true);
    }
  });

  it('to the first entry is taken over by a pull there: before it nothing can be unfinished', () => {
    const reset = new PendingReset(0);
    expect(
      reset.isTakenOverBy({ queueOffset: 0, commitOffset: undefined, wasHeld: false }, connection),
    ).toBe(true);
  });

  // C++ moves its next pull and goes on reporting what it has fetched before.
  it('is by a member that was told three times and reports something else all the same', () => {
    const reset = new PendingReset(7);
    const pull = { queueOffset: 7, commitOffset: 2, wasHeld: false };
    for (let tells = 0; tells < 3; tells++) {
      expect(reset.isTakenOverBy(pull, connection)).toBe(false);
      reset.tell(connection, { wasHeld: false });
    }
    expect(reset.isTakenOverBy(pull, connection)).toBe(true);
    expect(reset.isTakenOverBy(pull, other)).toBe(false);
  });

  it('leaves a consumer alone that does not do as it is told', () => {
    const reset = new PendingReset(7);
    let tells = 0;
    while (
      !reset.isTakenOverBy({ queueOffset: 100, commitOffset: 90, wasHeld: false }, connection)
    ) {
      reset.tell(connection, { wasHeld: false });
      tells++;
    }
    expect(tells).toBe(16);
  });

  // The queue has gone to another member and come back, more than once: each time the member has pulled at its end.
  it('is not taken over by pulls that were held when it came, however many of them are answered', () => {
    const reset = new PendingReset(7);
    for (const commitOffset of [undefined, 2, 2, 2, 2, undefined, 2]) {
      const pull = { queueOffset: 7, commitOffset, wasHeld: true };
      expect(reset.isTakenOverBy(pull, connection)).toBe(false);
      reset.tell(connection, pull);
    }
    const old = { queueOffset: 7, commitOffset: 2, wasHeld: false };
    expect(reset.isTakenOverBy(old, connection)).toBe(false);
    const anew = { queueOffset: 7, commitOffset: undefined, wasHeld: false };
    expect(reset.isTakenOverBy(anew, connection)).toBe(true);
  });

  it('counts no question as telling: tools may ask as often as they like', () => {
    const reset = new PendingReset(7);
    for (let times = 0; times < 100; times++) reset.inform(connection);
    expect(reset.isTold).toBe(false);
    expect(
      reset.isTakenOverBy({ queueOffset: 100, commitOffset: 90, wasHeld: false }, connection),
    ).toBe(false);
    expect(
      reset.isTakenOverBy({ queueOffset: 7, commitOffset: 2, wasHeld: false }, connection),
    ).toBe(false);
  });

  it('is never taken over by a connection that has not heard of it, unless it is at the place in all respects', () => {
    fc.assert(
      fc.property(
        fc.nat(20),
        fc.nat(20),
        fc.option(fc.nat(20), { nil: undefined }),
        fc.nat(40),
        (to, queueOffset, commitOffset, tellsOfOthers) => {
          const reset = new PendingReset(to);
          for (let times = 0; times < tellsOfOthers; times++) reset.tell(other, { wasHeld: false });
          const isThere =
            queueOffset === to && (commitOffset === to || (to === 0 && commitOffset === undefined));
          expect(
            reset.isTakenOverBy({ queueOffset, commitOffset, wasHeld: false }, connection),
          ).toBe(isThere);
        },
      ),
      plays(),
    );
  });
});
