import type { PeerAnswer } from '../../common/http-peer.ts';

export interface AnswerReply {
  status(code: number): this;
  header(name: string, value: string): this;
  send(body: string): unknown;
}

/** What of a service's answer is for the page; the rest is between the service and us. */
const passedHeaders = ['content-type', 'idempotency-replayed', 'retry-after'];

/** The service's own answer, whatever it says. */
export function sendOn(reply: AnswerReply, { status, headers, text }: PeerAnswer): void {
  for (const name of passedHeaders) {
    const value = headers[name];
    if (typeof value === 'string') reply.header(name, value);
  }
  reply.status(status).send(text);
}
