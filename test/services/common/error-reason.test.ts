import { describe, expect, it } from '@jest/globals';
import { reasonOf } from '../../../services/common/error-reason.ts';
import { DomainError } from '../../../services/common/errors.ts';

function failed(message: string, more: object, name = 'Error'): Error {
  return Object.assign(new Error(message), { name, ...more });
}

describe('the reason of a failure, as a dead letter has it', () => {
  it('is what a refusal of ours says', () => {
    const refusal = new DomainError('STOCK.INSUFFICIENT', 'conflict', '2 wanted, 1 left');
    expect(reasonOf(refusal)).toBe('STOCK.INSUFFICIENT: 2 wanted, 1 left');
  });

  it('says of a database that is away which connection failed, and how', () => {
    const refused = failed('connect ECONNREFUSED 127.0.0.1:3306', { code: 'ECONNREFUSED' });
    expect(reasonOf(refused)).toBe('connect ECONNREFUSED 127.0.0.1:3306');
    // As mysql2 and TypeORM tell it.
    expect(reasonOf(failed('read ECONNRESET', { code: 'ECONNRESET' }, 'QueryFailedError'))).toBe(
      'read ECONNRESET',
    );
    const closed = 'Connection lost: The server closed the connection.';
    expect(reasonOf(failed(closed, { code: 'PROTOCOL_CONNECTION_LOST' }))).toBe(
      `PROTOCOL_CONNECTION_LOST: ${closed}`,
    );
    expect(reasonOf(failed('it is in closed state', { fatal: true }))).toBe(
      'it is in closed state',
    );
  });

  it('says it also where none of several addresses answered, and the error is empty', () => {
    const each = ['::1', '127.0.0.1'].map((host) => new Error(`connect ECONNREFUSED ${host}:3306`));
    const all = Object.assign(new AggregateError([...each, each[0]], ''), { code: 'ECONNREFUSED' });
    expect(reasonOf(all)).toBe(
      'connect ECONNREFUSED ::1:3306, connect ECONNREFUSED 127.0.0.1:3306',
    );
    expect(reasonOf(failed('', { code: 'ECONNREFUSED' }))).toBe('ECONNREFUSED: connection refused');
    expect(reasonOf(new AggregateError([], ''))).toBe('AggregateError');
    expect(reasonOf(Object.assign(new AggregateError([{}], ''), { code: 'EPIPE' }))).toBe(
      'EPIPE: broken pipe',
    );
  });

  it('quotes no statement, no payload and no password', () => {
    const sql = "Duplicate entry 'anna@example.org' for key 'email'";
    expect(reasonOf(failed(sql, { code: 'ER_DUP_ENTRY' }, 'QueryFailedError'))).toBe(
      'QueryFailedError ER_DUP_ENTRY',
    );
    let unreadable: unknown;
    try {
      JSON.parse('{"card":"4111');
    } catch (error) {
      unreadable = error;
    }
    expect(reasonOf(unreadable)).toBe('SyntaxError');
    const url = 'getaddrinfo ENOTFOUND mysql://shop:s3cret@db:3306/';
    expect(reasonOf(failed(url, { code: 'ENOTFOUND' }))).toBe(
      'getaddrinfo ENOTFOUND mysql://db:3306/',
    );
    expect(reasonOf('card 4111')).toBe('what was thrown is no error');
  });

  it('is that of the cause where our own error only stands around it', () => {
    const cause = failed('read ECONNRESET', { code: 'ECONNRESET' });
    expect(reasonOf(new Error('nobody could be told', { cause }))).toBe('read ECONNRESET');
    expect(reasonOf(new Error('anything'))).toBe('Error');
  });

  it('is one line, and no longer than 300 characters, none of them cut in two', () => {
    const refusal = (text: string) => new DomainError('A.B', 'invalid', text);
    expect(reasonOf(refusal('one\n  two\tthree'))).toBe('A.B: one two three');
    expect(reasonOf(refusal('x'.repeat(295)))).toHaveLength(300);
    const long = reasonOf(refusal('x'.repeat(293) + '😀'.repeat(9)));
    expect(long).toBe(`A.B: ${'x'.repeat(293)}…`);
    expect(reasonOf(refusal('x'.repeat(999)))).toHaveLength(300);
  });
});
