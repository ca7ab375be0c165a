import { MqError } from '../errors.ts';
import type { DataVersion } from '../protocol/topic-config.ts';

/** Errors: STORE_FAILED naming the file and what in it is not an object. A missing object reads as an empty one. */
export function storedObject(value: unknown, path: string): Record<string, unknown> {
  if (value === undefined || value === null) return {};
  if (typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>;
  throw illegal(value, path, 'an object');
}

/** Errors: STORE_FAILED naming the file and the value. */
export function storedInteger(value: unknown, path: string, fallback?: number): number {
  const given = value ?? fallback;
  if (typeof given === 'number' && Number.isSafeInteger(given)) return given;
  throw illegal(value, path, 'an integer within 2^53');
}

/** Errors: STORE_FAILED naming the file and the value. */
export function storedBoolean(value: unknown, path: string, fallback: boolean): boolean {
  const given = value ?? fallback;
  if (typeof given === 'boolean') return given;
  throw illegal(value, path, 'true or false');
}

/** Errors: STORE_FAILED naming the file and the value. A missing part reads as 0. */
export function storedDataVersion(value: unknown, path: string): DataVersion {
  const version = storedObject(value, path);
  const part = (name: keyof DataVersion): number =>
    storedInteger(version[name], `${path}.${name}`, 0);
  return {
    stateVersion: part('stateVersion'),
    timestamp: part('timestamp'),
    counter: part('counter'),
  };
}

function illegal(value: unknown, path: string, wanted: string): MqError {
  // Integers beyond 2^53 are read as bigint, which JSON.stringify refuses.
  const found = typeof value === 'bigint' ? String(value) : (JSON.stringify(value) ?? 'missing');
  return new MqError('STORE_FAILED', `${path} is ${found.slice(0, 60)}, not ${wanted}`);
}
