/**
 * `lost`: something should be there and is not. `duplicated`: something is there more than once, or tells of what has not
 * happened. `wrong`: two things contradict each other.
 */
export type FindingKind = 'lost' | 'duplicated' | 'wrong';

export interface Finding {
  /** What is not about one order carries what it is about: a sku, a user, a number of the channel. */
  orderNo: string;
  kind: FindingKind;
  what: string;
}

export type Say = (kind: FindingKind, what: string) => void;
