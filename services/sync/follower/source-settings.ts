/** What a server must be set to, or rows are missing from its binlog, or parts of them, or the names of their columns. */
const wanted = [
  { variable: 'log_bin', value: 'ON' },
  { variable: 'binlog_format', value: 'ROW' },
  { variable: 'binlog_row_image', value: 'FULL' },
  { variable: 'binlog_row_metadata', value: 'FULL' },
] as const;

export const settingNames: readonly string[] = wanted.map(({ variable }) => variable);

/** One line for each variable that is wrong, with what it is and what it must be. */
export function settingProblems(
  variables: ReadonlyMap<string, string>,
  version: string,
): readonly string[] {
  const problems = wanted.flatMap(({ variable, value }) => {
    const found = variables.get(variable);
    if (found?.toUpperCase() === value) return [];
    return [`${variable} is ${found ?? 'unknown to this server'}, it must be ${value}`];
  });
  if (!/mariadb/i.test(version)) problems.push(`the server is ${version}, it must be a MariaDB`);
  return problems;
}
