import { getSystemErrorMap } from 'node:util';
import { isDatabaseUnavailable } from './database-errors.ts';
import { DomainError } from './errors.ts';

const MAX_CHARACTERS = 300;

/** In a URL, between its scheme and its host. */
const CREDENTIALS = /(?<=:\/\/)[^\s/]*@/g;

/**
 * What happened, in one line of at most 300 characters, for whoever looks at a message that was given up: it is kept beside
 * the message and shown.
 *
 * A refusal of ours says what it was written to say, a connection that failed says which and how. Any other error may quote a
 * statement or a payload: it is told by name and code, and the log has the rest.
 */
export function reasonOf(error: unknown): string {
  const line = textOf(error).replaceAll(CREDENTIALS, '').replaceAll(/\s+/g, ' ').trim();
  if (line.length <= MAX_CHARACTERS) return line;
  // Not between the halves of one character.
  return `${line.slice(0, MAX_CHARACTERS - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

function textOf(error: unknown): string {
  if (error instanceof DomainError) return `${error.code}: ${error.message}`;
  if (!(error instanceof Error)) return 'what was thrown is no error';
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  if (isDatabaseUnavailable(error)) {
    const text = messageOf(error) || systemText(code);
    return code === undefined || text.includes(code) ? text : `${code}: ${text}`;
  }
  // Ours, around what happened.
  if (code === undefined && error.name === 'Error' && error.cause !== undefined) {
    return textOf(error.cause);
  }
  return code === undefined ? error.name : `${error.name} ${code}`;
}

/** Node tries all addresses of a name, and says nothing of its own when each has failed. */
function messageOf(error: Error): string {
  if (error.message !== '' || !(error instanceof AggregateError)) return error.message;
  const messages = error.errors.map((each) => (each instanceof Error ? each.message : ''));
  return [...new Set(messages)].filter((message) => message !== '').join(', ');
}

function systemText(code: string | undefined): string {
  const known = [...getSystemErrorMap().values()].find(([name]) => name === code);
  return known?.[1] ?? 'the connection has failed';
}
