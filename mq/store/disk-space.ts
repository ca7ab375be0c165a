import type { Clock } from '../clock.ts';
import { MqError } from '../errors.ts';
import type { Files } from './files.ts';

const CHECK_INTERVAL_MS = 10_000;
/** After a refused write the disk is looked at, and a write tried again, this often. */
const RETRY_INTERVAL_MS = 1_000;

export interface DiskSpaceOptions {
  files: Files;
  directory: string;
  clock: Clock;
  /** Above this share of the disk appends are refused … */
  maxUsedPercent: number;
  /** … unless more than this is free: 10 % of a large disk is no shortage. */
  minFreeBytes: number;
}

/**
 * Knows whether the disk is too full for appends. Looks when asked, never by a timer, so that an idle store costs
 * nothing and a full one recovers with the first append after space returned.
 */
export class DiskSpace {
  readonly #options: DiskSpaceOptions;
  #refusal: MqError | undefined;
  #nextCheckMs = Number.NEGATIVE_INFINITY;

  constructor(options: DiskSpaceOptions) {
    this.#options = options;
  }

  /** The error appends are to get now, or undefined. */
  refusal(): MqError | undefined {
    const { files, directory, clock, maxUsedPercent, minFreeBytes } = this.#options;
    const now = clock.monotonicMs();
    if (now < this.#nextCheckMs) return this.#refusal;
    const { usedPercent, freeBytes } = files.diskUsage(directory);
    const isShort = usedPercent > maxUsedPercent && freeBytes < minFreeBytes;
    this.#refusal = isShort
      ? this.#tooFull(`above the limit of ${maxUsedPercent} %`, usedPercent)
      : undefined;
    this.#nextCheckMs = now + (isShort ? RETRY_INTERVAL_MS : CHECK_INTERVAL_MS);
    return this.#refusal;
  }

  /** Turns the failure of a write into what to refuse with, when a full disk or quota caused it. */
  explain(cause: unknown): MqError | undefined {
    if (!isFullDisk(cause)) return undefined;
    const { files, directory, clock } = this.#options;
    this.#refusal = this.#tooFull(
      `a write failed with ${cause.code}`,
      files.diskUsage(directory).usedPercent,
      cause,
    );
    this.#nextCheckMs = clock.monotonicMs() + RETRY_INTERVAL_MS;
    return this.#refusal;
  }

  #tooFull(reason: string, usedPercent: number, cause?: unknown): MqError {
    const path = this.#options.directory;
    const percent = Math.round(usedPercent * 10) / 10;
    return new MqError(
      'SERVICE_NOT_AVAILABLE',
      `the disk of ${path} is ${percent} % full: ${reason}; messages are refused until space returns`,
      { retriable: true, details: { path, usedPercent: percent }, cause },
    );
  }
}

/** The disk, or what this user may have of it. */
export function isFullDisk(error: unknown): error is Error & { code: 'ENOSPC' | 'EDQUOT' } {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ENOSPC' || code === 'EDQUOT';
}
