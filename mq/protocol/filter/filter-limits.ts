/**
 * What a filter may be. Apache RocketMQ has no limits here; these are far above what is written by hand, and below what
 * would let one consumer's expression hold up the broker for everybody.
 */
export const filterLimits = {
  /** UTF-16 units of the whole expression. */
  maxChars: 65_536,
  maxTokens: 16_384,
  /** Parentheses and signs within each other, which is how deep parser and evaluator call themselves. */
  maxDepth: 64,
  /** Properties and literals outside IN lists: what is looked at for each message. */
  maxOperands: 1_024,
} as const;
