import { PropertyKey } from './properties.ts';

const NAME_END = 1;
const VALUE_END = 2;

/** What a broker has to know of the properties of a message that it stores as it is. */
export interface PlainProperties {
  readonly uniqKey: string | undefined;
  /** The hash of TAGS, 0 without. */
  readonly tagsCode: number;
  /** False when WAIT is `false`. */
  readonly waitsForStore: boolean;
  /** CLUSTER is the one asked about. */
  readonly isOfCluster: boolean;
}

/**
 * Reads in one pass what `findProperty` would be asked for, one property after the other; of several of one name the last
 * counts there, too.
 *
 * Returns undefined when the message may not be stored as it is, or that takes more care to know: it waits for a time or for
 * its transaction, has a property that is never stored, or an encoding other than whole pairs.
 */
export function readPlainProperties(encoded: string, cluster: string): PlainProperties | undefined {
  let uniqKey: string | undefined;
  let tagsCode = 0;
  let waitsForStore = true;
  let isOfCluster = false;
  for (let at = 0; at < encoded.length;) {
    let nameEnd = at;
    while (nameEnd < encoded.length && encoded.charCodeAt(nameEnd) > VALUE_END) nameEnd++;
    if (nameEnd === at || encoded.charCodeAt(nameEnd) !== NAME_END) return undefined;
    const valueAt = nameEnd + 1;
    const firstUnit = encoded.charCodeAt(at);
    const kind = kindOf(encoded, at, nameEnd, firstUnit);
    if (kind === SPECIAL) return undefined;
    let hash = 0;
    let valueEnd = valueAt;
    for (; valueEnd < encoded.length; valueEnd++) {
      const unit = encoded.charCodeAt(valueEnd);
      if (unit === VALUE_END) break;
      hash = (Math.imul(31, hash) + unit) | 0;
    }
    if (valueEnd === valueAt) return undefined;
    if (kind === PropertyKey.TAGS) tagsCode = hash;
    else if (kind === PropertyKey.UNIQ_KEY) uniqKey = encoded.slice(valueAt, valueEnd);
    else if (kind === PropertyKey.WAIT)
      waitsForStore = !isText(encoded, valueAt, valueEnd, 'false');
    else if (kind === PropertyKey.CLUSTER)
      isOfCluster = isText(encoded, valueAt, valueEnd, cluster);
    at = valueEnd + 1;
  }
  return { uniqKey, tagsCode, waitsForStore, isOfCluster };
}

const SPECIAL = 'special';
const OTHER = 'other';
/** What begins so waits for a time, or is never stored. */
const TIMER_PREFIX = 'TIMER_';
const TRANSIENT_PREFIX = '__RMQ.';

/** The name in `[at, end)` if it is one that matters; a look at its first character tells of most that it is none. */
function kindOf(encoded: string, at: number, end: number, firstUnit: number): string {
  switch (firstUnit) {
    case 0x43: // C
      return isText(encoded, at, end, PropertyKey.CLUSTER) ? PropertyKey.CLUSTER : OTHER;
    case 0x44: // D
      return isText(encoded, at, end, PropertyKey.DELAY) ? SPECIAL : OTHER;
    case 0x50: // P
      return isText(encoded, at, end, PropertyKey.POP_CK) ? SPECIAL : OTHER;
    case 0x54: // T
      if (isText(encoded, at, end, PropertyKey.TAGS)) return PropertyKey.TAGS;
      if (encoded.startsWith(TIMER_PREFIX, at)) return SPECIAL;
      return isText(encoded, at, end, PropertyKey.TRAN_MSG) ? SPECIAL : OTHER;
    case 0x55: // U
      return isText(encoded, at, end, PropertyKey.UNIQ_KEY) ? PropertyKey.UNIQ_KEY : OTHER;
    case 0x57: // W
      return isText(encoded, at, end, PropertyKey.WAIT) ? PropertyKey.WAIT : OTHER;
    case 0x5f: // _
      return encoded.startsWith(TRANSIENT_PREFIX, at) ? SPECIAL : OTHER;
    default:
      return OTHER;
  }
}

function isText(encoded: string, at: number, end: number, text: string): boolean {
  return end - at === text.length && encoded.startsWith(text, at);
}
