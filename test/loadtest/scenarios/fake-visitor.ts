import type { Answer, Endpoint, Request, Visitor } from '../../../loadtest/scenario.ts';

export interface SentRequest {
  endpoint: Endpoint;
  request: Request;
}

/** A visitor whose shop answers as it is told; what it sends and keeps is there to be looked at. */
export class FakeVisitor implements Visitor {
  readonly sent: SentRequest[] = [];
  readonly kept: [list: string, value: string][] = [];
  readonly counted: string[] = [];
  readonly number: number;
  readonly isWarmUp: boolean;
  readonly #answer: (sent: SentRequest, index: number) => { status: number; body: object };

  constructor(
    number: number,
    answer: (sent: SentRequest, index: number) => { status: number; body: object },
    isWarmUp = false,
  ) {
    this.number = number;
    this.#answer = answer;
    this.isWarmUp = isWarmUp;
  }

  async send(endpoint: Endpoint, request: Request = {}): Promise<Answer> {
    const index = this.sent.push({ endpoint, request }) - 1;
    const { status, body } = this.#answer({ endpoint, request }, index);
    expectAnswer(endpoint, status);
    return { status, text: JSON.stringify(body), json: () => body };
  }

  random(): number {
    return 0.1;
  }

  async pause(): Promise<void> {
    return Promise.resolve();
  }

  mark(): void {
    // Of no account to who looks at requests.
  }

  count(name: string): void {
    this.counted.push(name);
  }

  keep(list: string, value: string): void {
    this.kept.push([list, value]);
  }
}

function expectAnswer(endpoint: Endpoint, status: number): void {
  if (!endpoint.answers.includes(status)) {
    throw new Error(`${endpoint.name} has no answer ${status}`);
  }
}
