import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { HARD_LIMIT_MS, type Throughput } from './measure.ts';

const run = promisify(execFile);

export interface WrkFigures extends Throughput {
  /** Requests that were not answered, or not with 2xx or 3xx. */
  errorCount: number;
}

/**
 * wrk: a closed loop of connections written in C, to tell what a server can do from what our generator can.
 *
 * Undefined when there is no wrk on PATH. Units: whole seconds, wrk knows no others.
 */
export async function measureWithWrk(
  url: string,
  body: string,
  durationMs: number,
  headers: Readonly<Record<string, string>> = {},
): Promise<WrkFigures | undefined> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-wrk-'));
  const script = join(directory, 'post.lua');
  try {
    await writeFile(script, postScript(body, headers));
    const seconds = Math.max(1, Math.round(durationMs / 1_000));
    const args = ['-t1', '-c64', `-d${seconds}s`, '--latency', '-s', script, url];
    const { stdout } = await run('wrk', args, { timeout: HARD_LIMIT_MS });
    return readWrk(stdout);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function postScript(body: string, headers: Readonly<Record<string, string>>): string {
  const fields = { 'Content-Type': 'application/json', ...headers };
  return [
    'wrk.method = "POST"',
    `wrk.body = ${luaText(body)}`,
    ...Object.entries(fields).map(
      ([name, value]) => `wrk.headers[${luaText(name)}] = ${luaText(value)}`,
    ),
    '',
  ].join('\n');
}

/** Lua's decimal escapes are of bytes; what is plain ASCII and no quote stays readable. */
function luaText(text: string): string {
  const bytes = [...Buffer.from(text)].map((byte) =>
    byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c
      ? String.fromCharCode(byte)
      : `\\${String(byte).padStart(3, '0')}`,
  );
  return `"${bytes.join('')}"`;
}

/** Reads wrk's report. Errors: when a figure is missing, with what it printed. */
export function readWrk(text: string): WrkFigures {
  const perS = Number(/^Requests\/sec:\s+([\d.]+)$/m.exec(text)?.[1]);
  const p50Ms = percentile(text, 50);
  const p99Ms = percentile(text, 99);
  if (Number.isNaN(perS + p50Ms + p99Ms)) throw new Error(`wrk printed no figures:\n${text}`);
  const socket = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text);
  const status = /Non-2xx or 3xx responses: (\d+)/.exec(text);
  const errorCount = [...(socket?.slice(1) ?? []), status?.[1] ?? '0']
    .map(Number)
    .reduce((sum, count) => sum + count, 0);
  return { perS, p50Ms, p99Ms, errorCount };
}

const millisecondsOf: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1_000, m: 60_000 };

function percentile(text: string, percent: number): number {
  const [, value, unit] =
    new RegExp(`^\\s+${percent}%\\s+([\\d.]+)(us|ms|s|m)[ \\t]*$`, 'm').exec(text) ?? [];
  return Number(value) * (millisecondsOf[unit ?? ''] ?? Number.NaN);
}
