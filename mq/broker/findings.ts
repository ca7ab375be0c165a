import type { Clock } from '../clock.ts';
import type { Logger } from '../logger.ts';
import type { Finding, FindingKind } from '../protocol/finding.ts';

export interface FindingsOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** The list is for people: what was seen longest ago makes room. Default 1000. */
  readonly maxCount?: number;
}

/** What was seen just now. */
export interface Observation extends Omit<Finding, 'firstSeenAt' | 'lastSeenAt' | 'seenCount'> {
  readonly kind: FindingKind;
}

/** Peers choose what they call themselves and what they subscribe to, and the list keeps it. */
const LONGEST_TEXT_CHARS = 2_048;

/**
 * The mistakes this broker has noticed in how it is used, each said once in the log and kept in a list to be read.
 *
 * Kept in memory only: what is still wrong after a restart is found again.
 */
export class Findings {
  /** Those seen last at the end. */
  readonly #findings = new Map<string, Finding>();
  readonly #options: FindingsOptions;
  readonly #maxCount: number;

  constructor(options: FindingsOptions) {
    this.#options = options;
    this.#maxCount = options.maxCount ?? 1000;
  }

  /** The one seen last first. */
  list(): Finding[] {
    return [...this.#findings.values()].toReversed();
  }

  report(observation: Observation): void {
    const { clock, logger } = this.#options;
    const seen = bounded(observation);
    const key = `${seen.kind} ${seen.subject}`;
    const known = this.#findings.get(key);
    const now = clock.now();
    this.#findings.delete(key);
    this.#findings.set(key, {
      ...seen,
      firstSeenAt: known?.firstSeenAt ?? now,
      lastSeenAt: now,
      seenCount: (known?.seenCount ?? 0) + 1,
    });
    if (known === undefined) {
      logger.warn(`${seen.what}: ${seen.advice}`, {
        finding: seen.kind,
        addresses: seen.addresses.join(', '),
      });
    }
    const oldest = this.#findings.keys().next();
    if (this.#findings.size > this.#maxCount && oldest.done !== true) {
      this.#findings.delete(oldest.value);
    }
  }
}

function bounded(seen: Observation): Observation {
  return { ...seen, subject: beginningOf(seen.subject), what: beginningOf(seen.what) };
}

function beginningOf(text: string): string {
  if (text.length <= LONGEST_TEXT_CHARS) return text;
  // By way of bytes: a slice would keep the whole text in memory.
  const beginning = Buffer.from(text.slice(0, LONGEST_TEXT_CHARS)).toString();
  return `${beginning}… (${text.length} characters)`;
}
