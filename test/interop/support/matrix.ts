/** What one behaviour, one client and one broker came to. */
export type Outcome =
  | { readonly kind: 'passed' }
  /** It ran, and fell short by this limit of the client or the broker at most. */
  | { readonly kind: 'limited'; readonly why: string }
  /** There is nothing to run: the client, or the broker, has no such thing. */
  | { readonly kind: 'absent'; readonly why: string }
  | { readonly kind: 'failed' };

export interface Column {
  readonly broker: string;
  readonly client: string;
}

/** One row a behaviour, grouped under headings. */
export interface Row {
  readonly heading: string;
  readonly title: string;
}

/**
 * The matrix as Markdown: the same outcomes give the same bytes.
 *
 * Shape:  `outcomeOf` has an answer for every cell. Reasons become footnotes, numbered in reading order, each once.
 */
export function renderMatrix(
  introduction: string,
  columns: readonly Column[],
  rows: readonly Row[],
  outcomeOf: (row: Row, column: Column) => Outcome,
): string {
  const footnotes: string[] = [];
  const lines = [introduction.trim()];
  let heading: string | undefined;
  for (const row of rows) {
    if (row.heading !== heading) {
      heading = row.heading;
      const names = columns.map(({ broker, client }) => `${client} → ${broker}`);
      lines.push('', `## ${heading}`, '', tableLine(['', ...names]));
      lines.push(tableLine(['---', ...columns.map(() => ':-:')]));
    }
    const cells = columns.map((column) => cell(outcomeOf(row, column), footnotes));
    lines.push(tableLine([row.title, ...cells]));
  }
  if (footnotes.length > 0) lines.push('', '## Why', '');
  for (const [index, why] of footnotes.entries()) lines.push(`${index + 1}. ${why}`);
  return `${lines.join('\n')}\n`;
}

function cell(outcome: Outcome, footnotes: string[]): string {
  switch (outcome.kind) {
    case 'passed':
      return '✓';
    case 'failed':
      return '✗';
    default: {
      const known = footnotes.indexOf(outcome.why);
      const number = known === -1 ? footnotes.push(outcome.why) : known + 1;
      return `${outcome.kind === 'limited' ? '≈' : '—'} ${number}`;
    }
  }
}

function tableLine(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}
