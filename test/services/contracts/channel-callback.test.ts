import { describe, expect, it } from '@jest/globals';
import {
  parseChannelCallback,
  signCallback,
  verifyCallback,
  type ChannelCallback,
} from '../../../services/contracts/channel-callback.ts';

const callback: ChannelCallback = {
  nonce: '0b8f6b1e-0000-4000-8000-000000000001',
  requestNo: 'PAY-1',
  chargeNo: 'CH-1',
  outcome: 'SUCCEEDED',
  amountMinor: 1_380,
  currency: 'EUR',
  settledAt: '2026-11-20T10:00:00.000Z',
};
const secret = 'sixteen letters!';
const rawBody = JSON.stringify(callback);
const sentAtMs = 1_795_168_800_000;
/** printf '%s' "1795168800000.$rawBody" | openssl dgst -sha256 -hmac 'sixteen letters!' */
const golden = '6d65ff32930b9808c31b7f4fd90d6e523beef73ce8050f031c6f712a8d3c9b5f';

describe('signCallback', () => {
  it('signs as openssl does', () => {
    expect(signCallback(secret, sentAtMs, rawBody)).toBe(golden);
  });
});

describe('verifyCallback', () => {
  const received = {
    secret,
    timestampMs: String(sentAtMs) as string | undefined,
    signature: golden as string | undefined,
    rawBody,
    nowMs: sentAtMs,
    toleranceMs: 5_000,
  };

  it.each([
    ['at once', sentAtMs, 'ok'],
    ['just in time', sentAtMs + 5_000, 'ok'],
    ['by a clock that is behind', sentAtMs - 5_000, 'ok'],
    ['too late', sentAtMs + 5_001, 'stale'],
    ['from the future', sentAtMs - 5_001, 'stale'],
  ] as const)('says of one that comes %s: %s', (_when, nowMs, verdict) => {
    expect(verifyCallback({ ...received, nowMs })).toBe(verdict);
  });

  it.each([
    ['another secret', { secret: 'sixteen letters?' }],
    ['another body', { rawBody: rawBody.replace('1380', '1381') }],
    ['the same body written otherwise', { rawBody: `${rawBody} ` }],
    ['a new time', { timestampMs: String(sentAtMs + 1) }],
    ['the time written otherwise', { timestampMs: `0${sentAtMs}` }],
    ['no time', { timestampMs: undefined }],
    ['a time that is none', { timestampMs: 'now' }],
    ['no signature', { signature: undefined }],
    ['an empty signature', { signature: '' }],
    ['half a signature', { signature: golden.slice(0, 32) }],
    ['a signature of other letters', { signature: 'z'.repeat(64) }],
    ['a signature of zeros', { signature: '0'.repeat(64) }],
  ])('says forged of one with %s, however old', (_what, change) => {
    expect(verifyCallback({ ...received, ...change })).toBe('forged');
    expect(verifyCallback({ ...received, ...change, nowMs: sentAtMs + 60_000 })).toBe('forged');
  });
});

describe('parseChannelCallback', () => {
  it('reads a callback as it was written, and lets unknown fields pass', () => {
    expect(parseChannelCallback(rawBody)).toEqual(callback);
    expect(parseChannelCallback(JSON.stringify({ ...callback, more: 1 }))).toEqual(callback);
  });

  it.each([
    ['another outcome', { outcome: 'VOIDED' }, 'outcome is neither SUCCEEDED nor FAILED'],
    ['no amount', { amountMinor: 0 }, 'amountMinor is not an integer ≥ 1'],
    ['no currency', { currency: 'euro' }, 'currency is not 3 letters A-Z'],
    ['no time', { settledAt: 'soon' }, 'settledAt is not a time'],
    ['no nonce', { nonce: undefined }, 'nonce is not a text'],
    ['a blank', { requestNo: 'a b' }, 'requestNo is not 1 to 64 visible ASCII characters'],
  ])('names what is wrong with %s', (_what, wrong, reason) => {
    expect(() => parseChannelCallback(JSON.stringify({ ...callback, ...wrong }))).toThrow(
      expect.objectContaining({ code: 'MESSAGE.POISON', message: reason }),
    );
  });
});
