/** Why a checkout came to nothing, and the status that says so to the customer. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: 400 | 409 | 502 | 504;

  constructor(status: Refusal['status'], message: string, cause?: unknown) {
    super(message, { cause });
    this.status = status;
  }
}
