import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { MqError } from '../errors.ts';
import type { Logger } from '../logger.ts';

type Table = Map<string, Map<string, string>>;

/**
 * The name server's key-value table: namespace → key → value, kept in one JSON file.
 *
 * A change is answered after it is on disk, and a failed write leaves the table as it was. The file is replaced
 * whole: written beside, fsynced, renamed; the edition before stays as `.bak`, which is read when the file is not.
 *
 * Source: RocketMQ 5.3 KVConfigManager.java, KVConfigSerializeWrapper.java: {"configTable":{"namespace":{"key":"value"}}}.
 */
export class KvConfig {
  readonly #path: string;
  #table: Table;
  #lastChange: Promise<void> = Promise.resolve();

  private constructor(path: string, table: Table) {
    this.#path = path;
    this.#table = table;
  }

  /**
   * `path` empty keeps the table in memory.
   *
   * Errors: CONFIG_INVALID naming the file when neither it nor its `.bak` can be read: starting empty would let the
   *         next change overwrite what is there.
   */
  static async load(path: string, logger: Logger): Promise<KvConfig> {
    if (path === '') return new KvConfig(path, new Map());
    try {
      const table = await readTable(path);
      if (table) return new KvConfig(path, table);
    } catch (cause) {
      const backup = await readTable(`${path}.bak`).catch(() => undefined);
      if (!backup) {
        throw new MqError('CONFIG_INVALID', `kvConfigPath: ${path} cannot be read`, { cause });
      }
      logger.warn(`${path} cannot be read, its .bak is used`, { error: cause });
      return new KvConfig(path, backup);
    }
    // A crash between the two renames of a save leaves only the .bak.
    return new KvConfig(path, (await readTable(`${path}.bak`)) ?? new Map());
  }

  get(namespace: string, key: string): string | undefined {
    return this.#table.get(namespace)?.get(key);
  }

  namespace(name: string): ReadonlyMap<string, string> | undefined {
    return this.#table.get(name);
  }

  /** Errors: what the disk said; the table is then unchanged. */
  put(namespace: string, key: string, value: string): Promise<void> {
    return this.#change((table) => {
      table.set(namespace, new Map([...(table.get(namespace) ?? []), [key, value]]));
    });
  }

  /** Deleting what is not there succeeds. Errors: as `put`. */
  delete(namespace: string, key: string): Promise<void> {
    return this.#change((table) => {
      const rest = new Map(table.get(namespace));
      rest.delete(key);
      if (rest.size > 0) table.set(namespace, rest);
      else table.delete(namespace);
    });
  }

  /** One change at a time, each on top of what the one before left on disk. */
  #change(edit: (table: Table) => void): Promise<void> {
    const change = this.#lastChange.then(async () => {
      const next: Table = new Map(this.#table);
      edit(next);
      if (this.#path !== '') await writeTable(this.#path, next);
      this.#table = next;
    });
    // The caller learns of a failure; the change behind it starts all the same.
    this.#lastChange = change.catch(() => undefined);
    return change;
  }
}

/** undefined when there is no such file. Throws when it holds anything but a table. */
async function readTable(path: string): Promise<Table | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const namespaces = entriesOf(entriesOf(JSON.parse(text)).get('configTable'));
  return new Map(
    [...namespaces].map(([namespace, values]) => [
      namespace,
      new Map([...entriesOf(values)].map(([key, value]) => [key, String(value)])),
    ]),
  );
}

function entriesOf(value: unknown): Map<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error('not a JSON object of {"configTable":{namespace:{key:value}}}');
  }
  return new Map(Object.entries(value));
}

async function writeTable(path: string, table: Table): Promise<void> {
  const plain = Object.fromEntries(
    [...table].map(([namespace, values]) => [namespace, Object.fromEntries(values)]),
  );
  await mkdir(dirname(path), { recursive: true });
  const file = await open(`${path}.tmp`, 'w');
  try {
    await file.writeFile(JSON.stringify({ configTable: plain }, undefined, 2));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(path, `${path}.bak`).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  await rename(`${path}.tmp`, path);
}
