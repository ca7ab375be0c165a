/**
 * The matrix of `test/interop/MATRIX.md` for a terminal: its columns get letters, which a legend explains, so that a
 * row fits into a line.
 */
export function matrixForTerminal(markdown: string): string {
  const lines = markdown.split('\n');
  const rows = lines.filter((line) => line.startsWith('|')).map(cellsOf);
  const columns = rows[0]?.slice(1) ?? [];
  const titleWidth = Math.max(0, ...rows.map(([title]) => title?.length ?? 0));
  const letters = columns.map((_, index) => String.fromCodePoint(97 + index));
  const printed = letters.map((letter, index) => `  ${letter}  ${columns[index]}`);
  const row = (title: string, cells: readonly string[]): string =>
    `  ${title.padEnd(titleWidth)}${cells.map((cell) => cell.padStart(5)).join('')}`;
  // What stands before the first heading explains the file to its readers.
  for (const line of lines.slice(lines.findIndex((line) => line.startsWith('## ')))) {
    if (line.startsWith('## ')) {
      printed.push('', line.slice(3));
    } else if (/^\d+\. /.test(line)) {
      printed.push(`  ${line}`);
    } else if (line.startsWith('|')) {
      const [title = '', ...cells] = cellsOf(line);
      if (title === '') printed.push(row('', letters));
      else if (!title.startsWith('---')) printed.push(row(title, cells));
    }
  }
  return printed.join('\n');
}

function cellsOf(line: string): string[] {
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
}
