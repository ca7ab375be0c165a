import { describe, expect, it } from '@jest/globals';
import { loadConfig } from '../../../../services/third-party/config.ts';
import {
  changed,
  takeRefundFailure,
  takeShipmentFailure,
} from '../../../../services/third-party/domain/behaviour.ts';

const { behaviour } = loadConfig({
  DATABASE_URL: 'mysql://root@127.0.0.1:3306/',
  CHANNEL_SECRET: 'sixteen letters!',
});

describe('changed', () => {
  it('leaves what is not named, or named as undefined, as it is', () => {
    const after = changed(behaviour, { channel: { errorRate: 0.5, latencyMs: undefined } });
    expect(after).toEqual({ ...behaviour, channel: { ...behaviour.channel, errorRate: 0.5 } });
    expect(changed(behaviour, { channel: undefined })).toEqual(behaviour);
  });
});

describe('takeRefundFailure', () => {
  it('counts down those of the charge before those of all', () => {
    let current = changed(behaviour, {
      channel: { failNextRefunds: 1, failRefundsOf: { 'PAY-1': 2 } },
    });
    const left: unknown[] = [];
    for (let next = takeRefundFailure(current, 'PAY-1'); next !== undefined;) {
      current = next;
      left.push([current.channel.failRefundsOf, current.channel.failNextRefunds]);
      next = takeRefundFailure(current, 'PAY-1');
    }
    expect(left).toEqual([
      [{ 'PAY-1': 1 }, 1],
      [{}, 1],
      [{}, 0],
    ]);
  });

  it('leaves other charges alone, also one named like what every object has', () => {
    const current = changed(behaviour, { channel: { failRefundsOf: { 'PAY-1': 2 } } });
    expect(takeRefundFailure(current, 'PAY-2')).toBeUndefined();
    expect(takeRefundFailure(current, 'constructor')).toBeUndefined();
  });
});

describe('takeShipmentFailure', () => {
  it('counts down to none', () => {
    const one = changed(behaviour, { carrier: { failNextShipments: 1 } });
    const none = takeShipmentFailure(one)!;
    expect(none.carrier.failNextShipments).toBe(0);
    expect(takeShipmentFailure(none)).toBeUndefined();
  });
});
