import { describe, expect, it } from '@jest/globals';
import { ConfigError, EnvReader } from '../../../services/common/env.ts';

describe('EnvReader', () => {
  it('takes the default for a variable that is missing or empty', () => {
    const env = new EnvReader({ EMPTY: ' ' });
    expect(env.integer('EMPTY', { default: 5, min: 0, max: 9 })).toBe(5);
    expect(env.choice('MISSING', ['a', 'b'], 'b')).toBe('b');
    env.finish();
  });

  it('reports every bad setting together, with the value and what it must be', () => {
    const env = new EnvReader({ COUNT: '12x', LEVEL: 'loud', NAME: 'a b' });
    env.integer('COUNT', { default: 1, min: 1, max: 10 });
    env.choice('LEVEL', ['info', 'warn'], 'info');
    env.text('NAME', { pattern: /^\w+$/, mustBe: 'one word' });
    env.url('ADDRESS', ['http:']);
    env.require(false, 'A must exceed B');
    expect(() => env.finish()).toThrow(
      new ConfigError([
        'COUNT is "12x", it must be an integer from 1 to 10',
        'LEVEL is "loud", it must be one of info, warn',
        'NAME is "a b", it must be one word',
        'ADDRESS is not set, it must be a URL starting with http://',
        'A must exceed B',
      ]),
    );
  });

  it('does not repeat a URL, which may carry a password', () => {
    const env = new EnvReader({ DATABASE_URL: 'postgres://root:secret@localhost/' });
    env.url('DATABASE_URL', ['mysql:']);
    expect(() => env.finish()).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('secret') }),
    );
  });

  it('takes a secret that is long enough, and repeats none that is not', () => {
    const env = new EnvReader({ LONG: 'sixteen letters!', SHORT: 'hunter2' });
    expect(env.secret('LONG', 16)).toBe('sixteen letters!');
    env.secret('SHORT', 16);
    env.secret('MISSING', 16);
    expect(() => env.finish()).toThrow(
      new ConfigError([
        'SHORT has 7 characters, it must have at least 16 characters',
        'MISSING is not set, it must have at least 16 characters',
      ]),
    );
  });

  it.each([
    ['mysql:///', 'DATABASE_URL names no host'],
    ['mysql:root', 'DATABASE_URL names no host'],
    ['mysql://ro%zzot@h/', 'DATABASE_URL has a user or password with a % that must be written %25'],
    [
      'mysql://root:100%@h/',
      'DATABASE_URL has a user or password with a % that must be written %25',
    ],
  ])('refuses %p, which no driver could make sense of', (url, problem) => {
    const env = new EnvReader({ DATABASE_URL: url });
    env.url('DATABASE_URL', ['mysql:']);
    expect(() => env.finish()).toThrow(new ConfigError([problem]));
  });
});
