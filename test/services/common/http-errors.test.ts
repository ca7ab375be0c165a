import { describe, expect, it } from '@jest/globals';
import { NotFoundException } from '@nestjs/common';
import { DomainError, type DomainErrorKind } from '../../../services/common/errors.ts';
import { problemOf } from '../../../services/common/http-errors.ts';

describe('problemOf', () => {
  it.each<[DomainErrorKind, number, string]>([
    ['invalid', 400, 'Bad Request'],
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
