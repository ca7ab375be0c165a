import type { LoadSecond } from '@millrace/loadtest';

/** A load that is longer is told of every so often, where a line cannot be written over. */
const longLoadS = 120;
const seldomEveryS = 10;

/**
 * A line a second about a load that is running: written over on a terminal, one below the other in a log, there every ten
 * seconds when the load is long.
 */
export class ProgressLine {
  readonly #durationS: number;
  readonly #out: { isTTY?: boolean; write(text: string): unknown };
  #isOpen = false;

  constructor(durationS: number, out: ProgressLine['out'] = process.stdout) {
    this.#durationS = durationS;
    this.#out = out;
  }

  get out(): { isTTY?: boolean; write(text: string): unknown } {
    return this.#out;
  }

  show(second: LoadSecond): void {
    if (this.#out.isTTY === true) {
      this.#out.write(`\r${lineOf(second, this.#durationS)}\u001b[K`);
      this.#isOpen = true;
      return;
    }
    const isTold = this.#durationS <= longLoadS || second.second % seldomEveryS === 0;
    if (isTold) this.#out.write(`${lineOf(second, this.#durationS)}\n`);
  }

  end(): void {
    if (this.#isOpen) this.#out.write('\n');
    this.#isOpen = false;
  }
}

/** `   12 s of 30   9,998 came   9,990 answered   0 failed   p99   11.8 ms     42 in flight`. */
export function lineOf(second: LoadSecond, durationS: number): string {
  const { answered, failed, inFlight, latency } = second;
  const number = (value: number, width: number): string =>
    Math.round(value).toLocaleString('en').padStart(width);
  return (
    `    ${number(second.second + 1, 5)} s of ${Math.round(durationS)}` +
    `${number(second.sent, 9)} came${number(answered, 9)} answered${number(failed, 7)} failed` +
    `   p99 ${latency.p99Ms.toFixed(1).padStart(8)} ms${number(inFlight, 7)} in flight`
  );
}
