import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { RequestDefinition } from '../../mq/protocol/define-request.ts';

// oxlint-disable-next-line typescript/no-explicit-any -- of every request at once, whatever its fields are
export type AnyRequest = RequestDefinition<any, any>;

/** Every request this package knows, by the name of its definition: a new one is fuzzed without being listed here. */
export async function requestDefinitions(): Promise<Map<string, AnyRequest>> {
  const directory = join(import.meta.dirname, '../../mq/protocol/requests');
  const definitions = new Map<string, AnyRequest>();
  for (const file of readdirSync(directory).filter((name) => /(?<!\.d)\.[jt]s$/.test(name))) {
    const module = (await import(join(directory, file))) as Record<string, unknown>;
    for (const [name, exported] of Object.entries(module)) {
      if (isDefinition(exported)) definitions.set(name, exported);
    }
  }
  return definitions;
}

function isDefinition(exported: unknown): exported is AnyRequest {
  return typeof exported === 'object' && exported !== null && 'decodeRequest' in exported;
}
