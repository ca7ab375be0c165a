import type { Hole, LogDamage } from '../store/message-store.ts';
import type { Observation } from './findings.ts';

/** What recovery had to leave behind. */
export function logDamageFinding(damage: LogDamage): Observation {
  const { commitLogOffset, segment, messageCount, quarantined } = damage;
  return {
    kind: 'STORE_DAMAGED',
    subject: `commitLogOffset ${commitLogOffset}`,
    what:
      `${segment} is damaged at commitLogOffset ${commitLogOffset}; the log was cut there at this start, and ` +
      `the message there and ${messageCount} messages behind it in that segment are not served`,
    advice:
      `they are in ${quarantined.join(', ')}, and nowhere else: look into the disk, have them sent again from there or ` +
      'by those who sent them, and remove the files then',
    addresses: [],
  };
}

/** One message that consumers are led past. */
export function holeFinding(hole: Hole): Observation {
  const { topic, queueId, queueOffset, commitLogOffset } = hole;
  return {
    kind: 'STORE_DAMAGED',
    subject: `${topic}:${queueId}:${queueOffset}`,
    what: `message ${queueOffset} of ${topic}:${queueId}, at commitLogOffset ${commitLogOffset}, is damaged on disk and was passed over`,
    advice: 'look into the disk, and have the message sent again by whoever sent it',
    addresses: [],
  };
}
