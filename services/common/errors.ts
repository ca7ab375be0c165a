/** Decides how the outside is told: one filter maps it to an HTTP status, one consumer wrapper to ack or retry. */
export type DomainErrorKind = 'invalid' | 'unauthorized' | 'not_found' | 'conflict' | 'unavailable';

export interface FieldProblem {
  /** Where the value is: `items[3].quantity`, or a header's name. */
  field: string;
  message: string;
}

/** An expected refusal. Callers branch on `code` and `kind`, never on the text; the text is written for the customer's developer. */
export class DomainError extends Error {
  override readonly name = 'DomainError';
  /** `AREA.REASON`, stable. */
  readonly code: string;
  readonly kind: DomainErrorKind;
  readonly fields: readonly FieldProblem[];

  constructor(
    code: string,
    kind: DomainErrorKind,
    message: string,
    options: { fields?: readonly FieldProblem[]; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.kind = kind;
    this.fields = options.fields ?? [];
  }
}

/** Not now, and perhaps later; whether something was done nobody knows. */
export function isUnavailable(error: unknown): boolean {
  return error instanceof DomainError && error.kind === 'unavailable';
}
