import { STATUS_CODES } from 'node:http';
import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { isDatabaseUnavailable } from './database-errors.ts';
import { DomainError, type DomainErrorKind, type FieldProblem } from './errors.ts';
import type { Log } from './log.ts';

const statusOf: Record<DomainErrorKind, number> = {
  invalid: 400,
  not_found: 404,
  conflict: 409,
  unavailable: 503,
};

/** RFC 9457, with a stable `code` and the fields that were refused. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  errors?: readonly FieldProblem[];
}

/** The part of a Fastify reply an error needs. */
export interface ProblemReply {
  status(code: number): { header(name: string, value: string): { send(body: string): unknown } };
}

/** Turns whatever a request ended with into a problem. What the customer cannot mend is not explained to him but logged. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<{ method: string; url: string }>();
    const problem = problemOf(error);
    if (problem.status >= 500) {
      this.#log.error('request failed', {
        method: request.method,
        url: request.url,
        status: problem.status,
        error,
      });
    }
    sendProblem(http.getResponse<ProblemReply>(), problem);
  }
}

export function sendProblem(reply: ProblemReply, problem: Problem): void {
  reply
    .status(problem.status)
    .header('content-type', 'application/problem+json; charset=utf-8')
    .send(JSON.stringify(problem));
}

export function problemOf(error: unknown): Problem {
  if (error instanceof DomainError) {
    const fields = error.fields.length > 0 ? { errors: error.fields } : {};
    return problem(statusOf[error.kind], error.code, error.message, fields);
  }
  if (error instanceof HttpException) {
    return problem(error.getStatus(), `HTTP.${error.getStatus()}`, error.message);
  }
  if (isClientError(error)) {
    return problem(error.statusCode, `HTTP.${error.statusCode}`, error.message);
  }
  if (isDatabaseUnavailable(error)) {
    return problem(503, 'DATABASE.UNAVAILABLE', 'the database cannot answer just now, try again');
  }
  return problem(500, 'INTERNAL', 'the request failed on our side; nothing was changed half-way');
}

/** Fastify's own refusals: broken JSON, a body over the limit, a content type it does not read. */
function isClientError(error: unknown): error is Error & { statusCode: number } {
  if (!(error instanceof Error) || !('statusCode' in error)) return false;
  return typeof error.statusCode === 'number' && error.statusCode >= 400 && error.statusCode < 500;
}

function problem(
  status: number,
  code: string,
  detail: string,
  more: { errors?: readonly FieldProblem[] } = {},
): Problem {
  const title = STATUS_CODES[status] ?? 'Error';
  return { type: `urn:millrace:problem:${code}`, title, status, detail, code, ...more };
}
