/** Bits of a message's sysFlag (MessageSysFlag.java). */
export const MessageSysFlag = {
  COMPRESSED: 0x1,
  MULTI_TAGS: 0x2,
  TRANSACTION_PREPARED: 0x4,
  TRANSACTION_COMMIT: 0x8,
  TRANSACTION_ROLLBACK: 0xc,
  /** Mask of the two transaction bits; 0 means an ordinary message. */
  TRANSACTION_MASK: 0xc,
  BORN_HOST_V6: 0x10,
  STORE_HOST_V6: 0x20,
  NEED_UNWRAP: 0x40,
  INNER_BATCH: 0x80,
  /** Bits 8–10: 0 and 3 zlib, 1 LZ4, 2 zstd. */
  COMPRESSION_TYPE_MASK: 0x700,
  COMPRESSION_LZ4: 0x100,
  COMPRESSION_ZSTD: 0x200,
  COMPRESSION_ZLIB: 0x300,
} as const;

/** Bits of a pull request's sysFlag (PullSysFlag.java). */
export const PullSysFlag = {
  /** commitOffset of the request is to be stored. */
  COMMIT_OFFSET: 0x1,
  /** The broker may hold the request until something arrives. */
  SUSPEND: 0x2,
  /** The request carries its subscription expression. */
  SUBSCRIPTION: 0x4,
  CLASS_FILTER: 0x8,
  LITE_PULL: 0x10,
} as const;

/** Bits of a topic's perm (PermName.java). */
export const Permission = {
  /** Topics created on send take their settings from this one. */
  INHERIT: 1,
  WRITE: 2,
  READ: 4,
} as const;
