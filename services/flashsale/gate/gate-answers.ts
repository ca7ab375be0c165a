import { DomainError } from '../../common/errors.ts';
import { problem, PROBLEM_TYPE, problemOf } from '../../common/http-errors.ts';
import type { Decision, PlainDecision } from './order-gate.ts';

/** An answer whose bytes are ready. */
export interface GateAnswer {
  status: number;
  headers: Readonly<Record<string, string | number>>;
  body: string;
}

const JSON_TYPE = 'application/json; charset=utf-8';

function answer(
  status: number,
  type: string,
  body: string,
  more: Readonly<Record<string, string>> = {},
): GateAnswer {
  const headers = { 'content-type': type, 'content-length': Buffer.byteLength(body), ...more };
  return { status, headers, body };
}

function refusal(
  status: number,
  code: string,
  detail: string,
  more: Readonly<Record<string, string>> = {},
): GateAnswer {
  return answer(status, PROBLEM_TYPE, JSON.stringify(problem(status, code, detail)), more);
}

function seconds(ms: number): string {
  return String(Math.max(1, Math.ceil(ms / 1_000)));
}

/** Made once: most customers of a flash sale are given one of these. */
const plain: Readonly<Record<PlainDecision, GateAnswer>> = {
  UNKNOWN: refusal(404, 'SALE.NOT_FOUND', 'there is no such sale'),
  OVER: refusal(410, 'SALE.OVER', 'the sale is over'),
  ALREADY_BOUGHT: refusal(
    409,
    'SALE.ALREADY_BOUGHT',
    'you have as many pieces of this sale as one customer may have',
  ),
  SOLD_OUT: refusal(409, 'SALE.SOLD_OUT', 'no piece is left'),
  NOT_READY: refusal(503, 'SALE.NOT_READY', 'the sale is being prepared, try again', {
    'retry-after': '2',
  }),
  UNAVAILABLE: refusal(503, 'SALE.UNAVAILABLE', 'nobody can be admitted just now, try again', {
    'retry-after': '1',
  }),
  BUSY: refusal(503, 'SALE.BUSY', 'too many customers are waiting, try again', {
    'retry-after': '1',
  }),
};

export function answerOf(saleId: string, decision: Decision): GateAnswer {
  switch (decision.type) {
    case 'QUEUED':
      return queued(saleId, decision.ticketNo);
    case 'NOT_STARTED': {
      const inS = seconds(decision.startsInMs);
      return refusal(425, 'SALE.NOT_STARTED', `the sale starts in ${inS} s`, {
        'retry-after': inS,
      });
    }
    case 'OUTCOME_UNKNOWN': {
      const { ticketNo } = decision;
      const detail = `whether you are in the queue is not known yet; ticket ${ticketNo} will tell`;
      const location = ticketPath(saleId, ticketNo);
      return refusal(503, 'SALE.OUTCOME_UNKNOWN', detail, { 'retry-after': '10', location });
    }
    default:
      return plain[decision.type];
  }
}

/** Where a ticket's outcome can be asked for. The sale is named so that nobody has to look for it. */
export function ticketPath(saleId: string, ticketNo: string): string {
  return `/tickets/${ticketNo}?saleId=${saleId}`;
}

/** Nothing in it can need escaping. */
function queued(saleId: string, ticketNo: string): GateAnswer {
  const path = ticketPath(saleId, ticketNo);
  const body =
    `{"ticketNo":"${ticketNo}","saleId":"${saleId}","status":"QUEUED",` +
    `"links":{"self":"${path}","events":"/tickets/${ticketNo}/events?saleId=${saleId}"}}`;
  return answer(202, JSON_TYPE, body, { location: path });
}

/** Errors: what is no refusal of ours is thrown on. */
export function unauthorized(error: unknown): GateAnswer {
  if (!(error instanceof DomainError)) throw error;
  const body = JSON.stringify(problemOf(error));
  return answer(401, PROBLEM_TYPE, body, { 'www-authenticate': 'Bearer' });
}

export function tooMany(whose: 'customer' | 'address', waitMs: number): GateAnswer {
  const inS = seconds(waitMs);
  const detail = `too many requests of this ${whose}, try again in ${inS} s`;
  return refusal(429, 'REQUEST.TOO_MANY', detail, { 'retry-after': inS });
}

export function badBody(detail: string): GateAnswer {
  return refusal(400, 'REQUEST.INVALID', detail);
}
