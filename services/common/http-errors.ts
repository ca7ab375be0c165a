import { STATUS_CODES } from 'node:http';
import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { isDatabaseUnavailable } from './database-errors.ts';
import { DomainError, type DomainErrorKind, type FieldProblem } from './errors.ts';
import type { Log } from './log.ts';
import type { RouteTable } from './route-table.ts';

const statusOf: Record<DomainErrorKind, number> = {
  invalid: 400,
  unauthorized: 401,
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
  status(code: number): this;
  header(name: string, value: string): this;
  send(body: string): unknown;
}

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';

/** Turns whatever a request ended with into a problem. What the customer cannot mend is not explained to him but logged. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  readonly #log: Log;
  readonly #routes: RouteTable;

  constructor(log: Log, routes: RouteTable) {
    this.#log = log;
    this.#routes = routes;
  }

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<{ method: string; url: string; is404: boolean }>();
    const reply = http.getResponse<ProblemReply>();
    const allowed = request.is404 ? this.#routes.methodsOf(request.url.split('?', 1)[0]!) : [];
    if (allowed.length > 0) return sendWrongMethod(reply, request.method, allowed);
    const problem = problemOf(error);
    if (problem.status >= 500) {
      this.#log.error('request failed', {
        method: request.method,
        url: request.url,
        status: problem.status,
        error,
      });
    }
    sendProblem(reply, problem);
  }
}

export function sendProblem(reply: ProblemReply, problem: Problem): void {
  // HTTP wants every 401 to say how to do better; nothing here is entered with a password.
  if (problem.status === 401) reply.header('www-authenticate', schemeOf(problem));
  reply.status(problem.status).header('content-type', PROBLEM_TYPE).send(JSON.stringify(problem));
}

/** Customers come with a token, other systems sign what they send. */
function schemeOf({ code }: Problem): string {
  return code.startsWith('CUSTOMER.') ? 'Bearer' : 'Signature';
}

function sendWrongMethod(reply: ProblemReply, method: string, allowed: readonly string[]): void {
  const allow = allowed.join(', ');
  const detail = `this path does not take ${method}, it takes ${allow}`;
  sendProblem(reply.header('allow', allow), problem(405, 'HTTP.405', detail));
}

/** The part of a socket such an answer needs. */
interface EndingSocket {
  readonly writable: boolean;
  readonly destroyed: boolean;
  write(text: string): unknown;
  destroy(): unknown;
}

const statusOfClientError: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** Answers bytes that never became a request, and hangs up: what follows them cannot be understood. */
export function endWithProblem(socket: EndingSocket, error: Error & { code?: string }): void {
  if (socket.destroyed) return;
  const status = statusOfClientError[error.code ?? ''] ?? 400;
  const title = STATUS_CODES[status] ?? 'Error';
  const body = JSON.stringify(problem(status, `HTTP.${status}`, `not a request: ${error.message}`));
  if (socket.writable && error.code !== 'ECONNRESET') {
    socket.write(
      `HTTP/1.1 ${status} ${title}\r\nContent-Type: ${PROBLEM_TYPE}\r\n` +
        `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    );
  }
  socket.destroy();
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

export function problem(
  status: number,
  code: string,
  detail: string,
  more: { errors?: readonly FieldProblem[] } = {},
): Problem {
  const title = STATUS_CODES[status] ?? 'Error';
  return { type: `urn:millrace:problem:${code}`, title, status, detail, code, ...more };
}
