import { setTimeout as delay } from 'node:timers/promises';
import { logIn } from './customer-token.ts';

const requestTimeoutMs = 20_000;
const refusedPauseMs = 100;
/** How often a customer comes back to a gate that says "not just now". */
const maxRefusals = 600;
/** A broken run ends here. */
const waitTimeoutMs = 180_000;

/** What the gate has answered to somebody who wants a piece. */
export type Answer =
  | { kind: 'admitted'; ticketNo: string }
  /** `code`: SALE.SOLD_OUT, SALE.ALREADY_BOUGHT, … */
  | { kind: 'refused'; code: string };

/** What has become of a ticket. */
export interface Outcome {
  status: 'ORDERED' | 'REFUSED' | 'RETURNED' | 'VOID';
  code?: string;
}

export interface SaleTerms {
  sku: string;
  stock: number;
  perUserLimit: number;
  durationMs: number;
}

/** Flash sales as customers know them, over HTTP, each with a token. Who is told "not just now" (503) comes back. */
export class SaleClient {
  readonly #url: string;
  readonly #secret: string;
  #refusedCount = 0;

  constructor(url: string, customerTokenSecret: string) {
    this.#url = url;
    this.#secret = customerTokenSecret;
  }

  /** How often the gate has said "not just now". */
  get refusedCount(): number {
    return this.#refusedCount;
  }

  /** Returns the sale's id. It starts at once. */
  async open({ durationMs, ...terms }: SaleTerms): Promise<string> {
    const now = Date.now();
    const body = {
      ...terms,
      startsAt: new Date(now).toISOString(),
      endsAt: new Date(now + durationMs).toISOString(),
    };
    const { status, text } = await this.#insist('/flash-sales', { body });
    if (status !== 201) throw new Error(`POST /flash-sales answers ${status}: ${text}`);
    return (JSON.parse(text) as { saleId: string }).saleId;
  }

  async close(saleId: string): Promise<void> {
    const { status, text } = await this.#insist(`/flash-sales/${saleId}/close`, {});
    if (status >= 300) throw new Error(`closing sale ${saleId} answers ${status}: ${text}`);
  }

  /** Asks for a piece. Errors: an answer that no customer should get. */
  async ask(saleId: string, userId: string): Promise<Answer> {
    const { status, text } = await this.#insist(`/flash-sales/${saleId}/orders`, { userId });
    if (status === 202) {
      return { kind: 'admitted', ticketNo: (JSON.parse(text) as { ticketNo: string }).ticketNo };
    }
    if (status === 409 || status === 410) {
      return { kind: 'refused', code: (JSON.parse(text) as { code: string }).code };
    }
    throw new Error(`asking for a piece of sale ${saleId} answers ${status}: ${text}`);
  }

  /** Waits to be told, by server-sent events, what has become of a ticket. A stream that is cut is opened again. */
  async outcomeOf(ticketNo: string, userId: string): Promise<Outcome> {
    const deadline = AbortSignal.timeout(waitTimeoutMs);
    for (;;) {
      const outcome = await this.#listen(ticketNo, userId, deadline);
      if (outcome !== undefined) return outcome;
      if (deadline.aborted) {
        throw new Error(`waited ${waitTimeoutMs / 1_000} s to be told of ticket ${ticketNo}`);
      }
      await delay(refusedPauseMs);
    }
  }

  /** What somebody with this token gets for a ticket: the status code alone. */
  async statusOf(ticketNo: string, token: string): Promise<number> {
    const response = await fetch(`${this.#url}/tickets/${ticketNo}`, {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(requestTimeoutMs),
    });
    await response.body?.cancel();
    return response.status;
  }

  tokenOf(userId: string): string {
    return logIn(userId, this.#secret);
  }

  /** Undefined: the stream ended before there was news. */
  async #listen(
    ticketNo: string,
    userId: string,
    signal: AbortSignal,
  ): Promise<Outcome | undefined> {
    try {
      const response = await fetch(`${this.#url}/tickets/${ticketNo}/events`, {
        headers: { authorization: `Bearer ${this.tokenOf(userId)}`, accept: 'text/event-stream' },
        signal,
      });
      if (!response.ok) {
        await response.body?.cancel();
        return undefined;
      }
      for await (const data of eventsOf(response.body!)) {
        const told = JSON.parse(data) as Outcome | { status: 'QUEUED' };
        if (told.status !== 'QUEUED') return told;
      }
    } catch (error) {
      // A gate that is killed cuts its streams; what was cut is opened again, until the deadline.
      if (error instanceof SyntaxError) throw error;
    }
    return undefined;
  }

  async #insist(
    path: string,
    { body, userId }: { body?: object; userId?: string },
  ): Promise<{ status: number; text: string }> {
    for (let refusals = 0; ; refusals += 1) {
      const answer = await this.#post(path, body, userId);
      // Too early, by a clock that differs from ours; too often; not just now.
      const isToComeBack = [425, 429, 503].includes(answer.status);
      if (!isToComeBack) return answer;
      if (refusals === maxRefusals) {
        throw new Error(`POST ${path} answers ${answer.status}: ${answer.text}`);
      }
      this.#refusedCount += 1;
      await delay(refusedPauseMs);
    }
  }

  /** A gate that does not answer at all is one that says "not just now". */
  async #post(
    path: string,
    body: object | undefined,
    userId: string | undefined,
  ): Promise<{ status: number; text: string }> {
    try {
      const response = await fetch(`${this.#url}${path}`, {
        method: 'POST',
        headers: {
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...(userId !== undefined && { authorization: `Bearer ${this.tokenOf(userId)}` }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(requestTimeoutMs),
      });
      return { status: response.status, text: await response.text() };
    } catch (error) {
      return { status: 503, text: String(error) };
    }
  }
}

/** The data of each event of a stream, as they come; heartbeats, which are comments, have none. */
export async function* eventsOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const bytes of body) {
    text += decoder.decode(bytes, { stream: true });
    const events = text.split('\n\n');
    text = events.pop()!;
    for (const event of events) {
      const data = event
        .split('\n')
        .filter((line) => line.startsWith('data:'))
        .map((line) => line.slice('data:'.length).trimStart());
      if (data.length > 0) yield data.join('\n');
    }
  }
}
