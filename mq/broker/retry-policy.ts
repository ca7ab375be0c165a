import type { RemotingCommand } from '../protocol/frame.ts';

/** V3_4_9: the first version whose maxReconsumeTimes means something. */
const VERSION_3_4_9 = 121;

/**
 * How often a consumer wants a message retried, when it has a say: undefined from clients that are too old, that leave
 * it out (C++) or that send a negative number for "the default". The group's retryMaxTimes counts then.
 */
export function clientMaxReconsumeTimes(
  request: RemotingCommand,
  claimed: number | undefined,
): number | undefined {
  if (claimed === undefined || claimed < 0 || request.version < VERSION_3_4_9) return undefined;
  return claimed;
}
