/** One line of a chart. `null`: not known at this x; the line has a gap there. */
export interface Line {
  readonly label: string;
  readonly values: readonly (number | null)[];
  /** Filled down to the axis, for what is a quantity; a thin dashed line, for what was wanted. Default: a line. */
  readonly look?: 'area' | 'wanted' | 'line';
  /** Which of the eight colours; by default each line has the next one. `bad` is red, and said in the label, too. */
  readonly colour?: number | 'bad';
}

export interface Chart {
  readonly title: string;
  /** What the eye should look for, in a sentence. */
  readonly note?: string;
  /**
   * `time`: x in seconds; `percentile`: x in percent, drawn so that each nine has the same room; `bars`: x counts the
   * `labels` from 0, and each line is a bar beside the others.
   */
  readonly kind: 'time' | 'percentile' | 'bars';
  readonly labels?: readonly string[];
  /** Of the values: `ms`, `requests/s`, `MB`. */
  readonly unit: string;
  readonly x: readonly number[];
  readonly lines: readonly Line[];
  readonly isLogarithmic?: boolean;
}

export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

/** Numbers stand to the right, with thousands apart. */
export type Cell = string | number | { readonly text: string; readonly isGood: boolean };

export interface Section {
  readonly heading: string;
  readonly text?: string;
  readonly tables?: readonly Table[];
  readonly charts?: readonly Chart[];
}

export interface Page {
  readonly title: string;
  /** What was found, in a sentence, and whether it is what was wanted. */
  readonly verdict: { readonly text: string; readonly isGood: boolean };
  /** How it came about: machine, command, date, commit. */
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly sections: readonly Section[];
}
