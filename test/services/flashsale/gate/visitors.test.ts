import { describe, expect, it, jest } from '@jest/globals';
import { signCustomerToken } from '../../../../services/contracts/customer-token.ts';
import type { GateSettings } from '../../../../services/flashsale/config.ts';
import { Visitors, type Visit } from '../../../../services/flashsale/gate/visitors.ts';

const SECRET = 'a-secret-for-tests-only';
const open = { ratePerS: 0, burst: 1 };
const onceAnHour = { ratePerS: 1 / 3_600, burst: 1 };

function visitors(settings: Partial<GateSettings> = {}): Visitors {
  return new Visitors({
    tokenSecret: SECRET,
    userRate: open,
    addressRate: open,
    isBehindProxy: false,
    sendTimeoutMs: 1_000,
    ...settings,
  });
}

function visit(userId: string, remoteAddress = '10.0.0.1', headers: Visit['headers'] = {}): Visit {
  const expiresAtS = Math.ceil(Date.now() / 1_000) + 60;
  const token = signCustomerToken({ userId, expiresAtS }, SECRET);
  return { headers: { authorization: `Bearer ${token}`, ...headers }, socket: { remoteAddress } };
}

const statusOf = (answer: object): unknown => ('status' in answer ? answer.status : undefined);

describe('a visitor of the gate', () => {
  it('is who his token says', () => {
    expect(visitors().admit(visit('ann'))).toMatchObject({ userId: 'ann' });
  });

  it('is told what is wrong with his token, as a problem, and that a bearer token is wanted', () => {
    expect(visitors().admit({ headers: {}, socket: {} })).toMatchObject({
      status: 401,
      headers: { 'www-authenticate': 'Bearer' },
      body: expect.stringContaining('"code":"CUSTOMER.UNAUTHORIZED"'),
    });
  });

  it('is not let in by a token that was good and has expired since', () => {
    const door = visitors();
    const expiresAtS = Math.ceil(Date.now() / 1_000) + 60;
    const authorization = `Bearer ${signCustomerToken({ userId: 'ann', expiresAtS }, SECRET)}`;
    const again = (): object => door.admit({ headers: { authorization }, socket: {} });
    expect([again(), again()]).toMatchObject([{ userId: 'ann' }, { userId: 'ann' }]);
    jest.useFakeTimers({ now: expiresAtS * 1_000, doNotFake: ['performance'] });
    expect(statusOf(again())).toBe(401);
    jest.useRealTimers();
  });

  it('may come as often as his rate allows, from wherever he comes', () => {
    const { admit } = bound(visitors({ userRate: onceAnHour }));
    expect(admit(visit('ann', '10.0.0.1'))).toMatchObject({ userId: 'ann' });
    const refused = admit(visit('ann', '10.0.0.2'));
    expect(refused).toMatchObject({
      status: 429,
      headers: { 'retry-after': '3600' },
      body: expect.stringContaining('too many requests of this customer'),
    });
    expect(statusOf(admit(visit('bob', '10.0.0.1')))).toBeUndefined();
  });

  it('comes from an address that has a rate of its own, whoever he says to be', () => {
    const { admit } = bound(visitors({ addressRate: onceAnHour }));
    expect(statusOf(admit({ headers: {}, socket: { remoteAddress: '10.0.0.1' } }))).toBe(401);
    expect(statusOf(admit(visit('ann', '10.0.0.1')))).toBe(429);
    expect(statusOf(admit(visit('ann', '10.0.0.2')))).toBeUndefined();
  });

  it('comes from where the proxy has seen him, and from nowhere else', () => {
    const { admit } = bound(visitors({ addressRate: onceAnHour, isBehindProxy: true }));
    const from = (forwarded: string | string[]): unknown =>
      statusOf(admit(visit('ann', '10.0.0.1', { 'x-forwarded-for': forwarded })));
    expect(from('1.1.1.1')).toBeUndefined();
    expect(from('9.9.9.9, 1.1.1.1')).toBe(429);
    expect(from(['9.9.9.8', '2.2.2.2'])).toBeUndefined();
    expect(from('')).toBeUndefined();
    expect(statusOf(admit(visit('ann', '10.0.0.1')))).toBe(429);
  });

  it('is not believed where he comes from without a proxy', () => {
    const { admit } = bound(visitors({ addressRate: onceAnHour }));
    admit(visit('ann', '10.0.0.1', { 'x-forwarded-for': '1.1.1.1' }));
    expect(statusOf(admit(visit('ann', '10.0.0.1', { 'x-forwarded-for': '2.2.2.2' })))).toBe(429);
  });
});

function bound(of: Visitors): { admit: (visit: Visit) => object } {
  return { admit: (each) => of.turnAway(each) ?? of.admit(each) };
}
