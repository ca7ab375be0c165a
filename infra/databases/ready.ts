import { once } from 'node:events';
import { connect } from 'node:net';
import { createConnection } from 'mysql2/promise';

const timeoutMs = 3_000;

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message || ('code' in error ? String(error.code) : error.name);
}

function hasScheme(url: string, ...schemes: readonly string[]): boolean {
  return URL.canParse(url) && schemes.includes(new URL(url).protocol);
}

/** Undefined when MariaDB answers a query at this URL, else why not. */
export async function mariadbAnswers(url: string): Promise<string | undefined> {
  if (!hasScheme(url, 'mysql:', 'mariadb:')) {
    return 'it is not a URL such as mysql://root:secret@127.0.0.1:3306';
  }
  const schema = new URL(url).pathname.slice(1);
  if (schema !== '') {
    return `it names the schema ${schema}, and must end after the port: each service has a schema of its own`;
  }
  try {
    const connection = await createConnection({ uri: url, connectTimeout: timeoutMs });
    await connection.query('SELECT 1');
    await connection.end();
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/** Undefined when a Redis listens at this URL, else why not. It may still ask for the password it was not given here. */
export async function redisAnswers(url: string): Promise<string | undefined> {
  if (!hasScheme(url, 'redis:', 'rediss:')) {
    return 'it is not a URL such as redis://127.0.0.1:6379';
  }
  const { hostname, port, protocol } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port || 6379) });
  try {
    const deadline = AbortSignal.timeout(timeoutMs);
    await once(socket, 'connect', { signal: deadline });
    // Bytes for a TLS listener would need a handshake first; that it listens has to do.
    if (protocol === 'rediss:') return undefined;
    socket.write('PING\r\n');
    const [reply] = (await once(socket, 'data', { signal: deadline })) as [Buffer];
    const text = reply.toString().trimEnd();
    return text === '+PONG' || text.startsWith('-NOAUTH') ? undefined : `it says ${text}`;
  } catch (error) {
    return messageOf(error);
  } finally {
    socket.destroy();
  }
}
