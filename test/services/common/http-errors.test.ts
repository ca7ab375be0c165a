import { describe, expect, it } from '@jest/globals';
import { NotFoundException } from '@nestjs/common';
import { DomainError, type DomainErrorKind } from '../../../services/common/errors.ts';
import { endWithProblem, problemOf } from '../../../services/common/http-errors.ts';

describe('problemOf', () => {
  it.each<[DomainErrorKind, number, string]>([
    ['invalid', 400, 'Bad Request'],
    ['unauthorized', 401, 'Unauthorized'],
    ['not_found', 404, 'Not Found'],
    ['conflict', 409, 'Conflict'],
    ['unavailable', 503, 'Service Unavailable'],
  ])('tells a refusal of kind %s with status %i', (kind, status, title) => {
    expect(problemOf(new DomainError('AREA.REASON', kind, 'because'))).toEqual({
      type: 'urn:millrace:problem:AREA.REASON',
      title,
      status,
      detail: 'because',
      code: 'AREA.REASON',
    });
  });

  it('lists the refused fields', () => {
    const fields = [{ field: 'items[0].sku', message: 'there is no sku X' }];
    expect(problemOf(new DomainError('A.B', 'invalid', 'no', { fields }))).toMatchObject({
      errors: fields,
    });
  });

  it('keeps the status of the framework’s own refusals', () => {
    expect(problemOf(new NotFoundException('Cannot GET /x'))).toMatchObject({ status: 404 });
    const tooLarge = Object.assign(new Error('Request body is too large'), { statusCode: 413 });
    expect(problemOf(tooLarge)).toMatchObject({ status: 413, title: 'Payload Too Large' });
  });

  it('asks to try again when the database cannot be reached', () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    expect(problemOf(refused)).toMatchObject({ status: 503, code: 'DATABASE.UNAVAILABLE' });
  });

  it('does not tell a stranger what broke inside', () => {
    const problem = problemOf(new Error('SELECT secret FROM users'));
    expect(problem.status).toBe(500);
    expect(JSON.stringify(problem)).not.toContain('secret');
  });
});

describe('endWithProblem', () => {
  /** A socket that keeps what is written to it. */
  const socket = (writable = true) => {
    const written: string[] = [];
    return {
      written,
      writable,
      destroyed: false,
      write: (text: string) => written.push(text),
      destroy() {
        this.destroyed = true;
      },
    };
  };
  const failure = (code: string): Error => Object.assign(new Error('why'), { code });

  it.each([
    ['HPE_HEADER_OVERFLOW', 431],
    ['ERR_HTTP_REQUEST_TIMEOUT', 408],
    ['HPE_INVALID_METHOD', 400],
  ])('answers %s with %i and hangs up', (code, status) => {
    const peer = socket();
    endWithProblem(peer, failure(code));
    const [head, body] = peer.written.join('').split('\r\n\r\n');
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(head).toContain('Content-Type: application/problem+json');
    expect(head).toContain(`Content-Length: ${body!.length}`);
    expect(JSON.parse(body!)).toMatchObject({ status, detail: 'not a request: why' });
    expect(peer.destroyed).toBe(true);
  });

  it('has nothing to say to a peer that is gone', () => {
    const reset = socket();
    endWithProblem(reset, failure('ECONNRESET'));
    const closed = socket(false);
    endWithProblem(closed, failure('HPE_INVALID_METHOD'));
    expect([...reset.written, ...closed.written]).toEqual([]);
    expect(reset.destroyed && closed.destroyed).toBe(true);
  });
});
