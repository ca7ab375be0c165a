/** The driver's error code, also when TypeORM has wrapped the error. */
function driverCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

const passing = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'PROTOCOL_CONNECTION_LOST',
  'ER_CON_COUNT_ERROR',
  'ER_TOO_MANY_USER_CONNECTIONS',
  'ER_CONNECTION_KILLED',
  'ER_SERVER_SHUTDOWN',
  'ER_LOCK_WAIT_TIMEOUT',
  'ER_LOCK_DEADLOCK',
]);

/** The database cannot be reached, or is too busy, just now; the same statement may succeed later. */
export function isDatabaseUnavailable(error: unknown): boolean {
  const code = driverCode(error);
  if (code !== undefined) return passing.has(code);
  // A statement on a connection that is already closed is refused by mysql2 without any code.
  return error instanceof Error && 'fatal' in error && error.fatal === true;
}

/** The server rolled the transaction back to let another one go on; running it again is the cure. */
export function isDeadlock(error: unknown): boolean {
  return driverCode(error) === 'ER_LOCK_DEADLOCK';
}

/**
 * Runs an insert and tells whether the row is new: false when a unique key already holds it.
 *
 * Insert first, never check-then-insert: the key decides between two that come at once. InnoDB makes the
 * later one wait for the earlier transaction and undoes only this statement, so the transaction goes on.
 */
export async function insertOnce(insert: Promise<unknown>): Promise<boolean> {
  try {
    await insert;
    return true;
  } catch (error) {
    if (driverCode(error) === 'ER_DUP_ENTRY') return false;
    throw error;
  }
}
