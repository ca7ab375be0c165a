import { expect, it } from '@jest/globals';
import { Clock } from '../../../../services/common/clock.ts';
import { ChargeProgress } from '../../../../services/third-party/application/charge-progress.ts';
import { Pauses } from '../../../../services/third-party/application/pauses.ts';
import { acceptCharge, type Charge } from '../../../../services/third-party/domain/charge.ts';
import { recordingLog } from '../../recording-log.ts';

const requestNo = 'PAY-1';
const accepted = acceptCharge(
  { requestNo, amountMinor: 1_000, currency: 'EUR', callbackUrl: 'http://127.0.0.1:1/' },
  new Date(0),
  0,
);

/** A charge's way to its end with a row that each step moves on, as the database would. */
function progressOf(row: { charge: Charge }): { progress: ChargeProgress; told: () => number } {
  let toldCount = 0;
  const settle = (): Promise<Charge> => {
    row.charge = { ...row.charge, status: 'SUCCEEDED', settledAt: new Date(0) };
    return Promise.resolve(row.charge);
  };
  const tell = (): Promise<Charge> => {
    toldCount += 1;
    row.charge = { ...row.charge, dueAt: null };
    return Promise.resolve(row.charge);
  };
  const parts = [
    undefined,
    undefined,
    { execute: () => Promise.resolve(row.charge) },
    { execute: settle },
    { execute: tell },
    new Pauses(),
    new Clock(),
    recordingLog().log,
  ] as unknown as ConstructorParameters<typeof ChargeProgress>;
  return { progress: new ChargeProgress(...parts), told: () => toldCount };
}

it('does not tell again of a charge that came to its end after whoever asks again had read it', async () => {
  const row = { charge: accepted };
  const { progress, told } = progressOf(row);
  progress.follow(row.charge);
  progress.resume(requestNo);
  await progress.beforeApplicationShutdown();
  expect(told()).toBe(1);
  progress.resume(requestNo);
  await progress.beforeApplicationShutdown();
  expect(told()).toBe(1);
});

it('goes on with a charge of which only the row was left', async () => {
  const { progress, told } = progressOf({ charge: accepted });
  progress.resume(requestNo);
  await progress.beforeApplicationShutdown();
  expect(told()).toBe(1);
});
