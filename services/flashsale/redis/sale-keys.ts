/**
 * What a sale is called in Redis. The sale's id is the hash tag: of a Redis cluster one node has all of a sale.
 *
 * `sale`: hash sku, remaining, limit, startsAtMs, endsAtMs, state. `tickets`: hash ticket → user, of tickets that hold a piece.
 * `users`: hash user → how many of those. `pending`: sorted set of tickets by when they were admitted, until their message is
 * known to be safe. `outcomes`: hash ticket → outcome as JSON. `state`: the run_id of the server for which all this was built.
 * `rebuild`: run_id and token of whoever is building it.
 */
export class SaleKeys {
  readonly #prefix: string;

  /** `schema`: whose sales they are; services, or two copies of one, can share a Redis. */
  constructor(schema: string) {
    this.#prefix = `${schema}:`;
  }

  /** In the order of KEYS in every script. */
  of(saleId: string): string[] {
    return ['state', 'sale', 'tickets', 'users', 'pending', 'outcomes', 'rebuild'].map(
      (name) => `${this.#prefix}${name}:{${saleId}}`,
    );
  }

  /** Told of when pieces have come back; the message is how many there are. */
  stockChannel(saleId: string): string {
    return `${this.#prefix}stock:{${saleId}}`;
  }

  /** Told of what has become of tickets; the message is a JSON list of outcomes. */
  outcomesChannel(saleId: string): string {
    return `${this.#prefix}outcomes:{${saleId}}`;
  }

  /** Told of when a sale was opened or closed; the message is its id. */
  get salesChannel(): string {
    return `${this.#prefix}sales`;
  }

  /** A pattern for the stock channels of all sales. */
  get stockChannels(): string {
    return `${this.#prefix}stock:*`;
  }

  /** The sale a channel of these is about: what stands between its braces. */
  saleIdOf(channel: string): string {
    return channel.slice(channel.indexOf('{') + 1, -1);
  }
}
