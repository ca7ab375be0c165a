/**
 * What a ticket has come to. ORDERED: its order is there (and may be unpaid yet). REFUSED: no order came of it. RETURNED: its
 * order was closed. VOID: it was never queued, whatever the customer was told. All but ORDERED give the piece back.
 */
export const ticketOutcomeStatuses = ['ORDERED', 'REFUSED', 'RETURNED', 'VOID'] as const;
export type TicketOutcomeStatus = (typeof ticketOutcomeStatuses)[number];

export interface TicketOutcome {
  ticketNo: string;
  userId: string;
  status: TicketOutcomeStatus;
  /** Of what has come to nothing: the code of the refusal, and why. */
  code?: string;
  reason?: string;
}

/** A ticket that holds a piece. */
export interface LiveTicket {
  ticketNo: string;
  userId: string;
}
