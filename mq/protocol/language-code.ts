/** Language codes of the binary header (index) and their JSON names, in the order of LanguageCode.java. */
export const languageNames = [
  'JAVA',
  'CPP',
  'DOTNET',
  'PYTHON',
  'DELPHI',
  'ERLANG',
  'RUBY',
  'OTHER',
  'HTTP',
  'GO',
  'PHP',
  'OMS',
  'RUST',
  'NODE_JS',
] as const;

export type LanguageName = (typeof languageNames)[number];

/**
 * The number of a language in the binary header. Peers may send names or numbers this table does not
 * know; they decode as OTHER, because a language is information for operators and never decides anything.
 */
export function languageIndex(name: LanguageName): number {
  return languageNames.indexOf(name);
}

export function languageFrom(value: unknown): LanguageName {
  if (typeof value === 'number') return languageNames[value] ?? 'OTHER';
  return languageNames.find((name) => name === value) ?? 'OTHER';
}
