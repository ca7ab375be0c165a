import { MqError } from '../errors.ts';
import { REVIVE_GROUP } from './pop-log.ts';
import { TRANSACTION_GROUP } from './transaction-log.ts';

const ownGroups: ReadonlySet<string> = new Set([TRANSACTION_GROUP, REVIVE_GROUP]);

export const isOwnGroup = (group: string): boolean => ownGroups.has(group);

/**
 * The broker keeps offsets as these groups, from which a restart reads half messages, and popped ones: moved by anybody else,
 * some would be forgotten.
 *
 * Errors: NO_PERMISSION.
 */
export function assertNotOwnGroup(group: string): void {
  if (isOwnGroup(group)) {
    throw new MqError('NO_PERMISSION', `group ${group} is the broker's own`);
  }
}
