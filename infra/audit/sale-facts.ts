/** What the ledger of a flash sale says, and what the orders say that came of it. */
export interface SaleFacts {
  saleId: string;
  sku: string;
  stock: number;
  perUserLimit: number;
  state: string;
  /** Pieces that the ledger has given away. */
  taken: number;
  /** Its tickets that stand for a piece: TAKEN or ORDERED. */
  liveTickets: number;
  /** Its orders that were not closed; one that was refunded has had its piece. */
  liveOrders: number;
  /** Those with the most pieces, the most first. */
  users: readonly { userId: string; tickets: number; orders: number }[];
}

/** A ticket of a flash sale, with the order of the same number. */
export interface TicketFacts {
  ticketNo: string;
  saleId: string;
  /** Undefined: there is no such sale. */
  sku: string | undefined;
  userId: string;
  status: string;
  /** Of what has come to nothing: the code of the refusal. */
  code: string | undefined;
  updatedAt: Date;
  order: TicketOrder | undefined;
}

export interface TicketOrder {
  saleId: string | undefined;
  userId: string;
  status: string;
  /** Its pieces of the sale's sku, and all its pieces. */
  pieces: number;
  allPieces: number;
  changedAt: Date;
}

/** When the last thing happened that is known of the ticket. */
export function lastChangeOf({ updatedAt, order }: TicketFacts): Date {
  return order === undefined || order.changedAt < updatedAt ? updatedAt : order.changedAt;
}
