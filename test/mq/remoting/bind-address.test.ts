import { describe, expect, it } from '@jest/globals';
import { bindProblem, isLoopback } from '../../../mq/remoting/bind-address.ts';

describe('an address to listen on', () => {
  it.each(['127.0.0.1', '127.1.2.3', 'localhost', 'LOCALHOST', '::1', '[::1]', '::ffff:127.0.0.1'])(
    'is accepted when only this machine reaches it: %s',
    (host) => {
      expect(isLoopback(host)).toBe(true);
      expect(bindProblem(host, false)).toBeUndefined();
    },
  );

  it.each([
    '0.0.0.0',
    '::',
    '',
    '10.0.0.1',
    '127.example.com',
    'localhost.example.com',
    '1270.0.1',
  ])('is refused when others may reach it, naming the override: %s', (host) => {
    expect(bindProblem(host, false)).toMatch(/allowNonLoopback=true/);
  });

  it('is accepted anywhere when the override says so', () => {
    expect(bindProblem('0.0.0.0', true)).toBeUndefined();
  });
});
