import { MqError } from '../errors.ts';
import type { JsonConfigFile } from '../store/config-file.ts';

type Table = ReadonlyMap<string, ReadonlyMap<string, string>>;

/**
 * The name server's key-value table: namespace → key → value, kept in one JSON file.
 *
 * A change is answered after it is on disk, and a failed write leaves the table as it was.
 *
 * Source: RocketMQ 5.3 KVConfigManager.java, KVConfigSerializeWrapper.java: {"configTable":{"namespace":{"key":"value"}}}.
 */
export class KvConfig {
  readonly #file: JsonConfigFile | undefined;
  #table: Table;
  #lastChange: Promise<void> = Promise.resolve();

  private constructor(file: JsonConfigFile | undefined, table: Table) {
    this.#file = file;
    this.#table = table;
  }

  /**
   * Without a file the table is kept in memory.
   *
   * Errors: STORE_FAILED naming the file when something is there that is no table: to start empty would overwrite it.
   */
  static async load(file: JsonConfigFile | undefined): Promise<KvConfig> {
    const content = await file?.read();
    if (file === undefined || content === undefined) return new KvConfig(file, new Map());
    try {
      return new KvConfig(file, toTable(content));
    } catch (cause) {
      throw new MqError('STORE_FAILED', `${file.path} holds no key-value table`, { cause });
    }
  }

  get(namespace: string, key: string): string | undefined {
    return this.#table.get(namespace)?.get(key);
  }

  namespace(name: string): ReadonlyMap<string, string> | undefined {
    return this.#table.get(name);
  }

  /** Errors: what the disk said; the table is then unchanged. */
  put(namespace: string, key: string, value: string): Promise<void> {
    return this.#change(namespace, (values) => values.set(key, value));
  }

  /** Deleting what is not there succeeds. Errors: as `put`. */
  delete(namespace: string, key: string): Promise<void> {
    return this.#change(namespace, (values) => values.delete(key));
  }

  /** One change at a time, each on top of what the one before left on disk. */
  #change(namespace: string, edit: (values: Map<string, string>) => unknown): Promise<void> {
    const change = this.#lastChange.then(async () => {
      const values = new Map(this.#table.get(namespace));
      edit(values);
      const next = new Map(this.#table).set(namespace, values);
      if (values.size === 0) next.delete(namespace);
      await this.#file?.write(toJson(next));
      this.#table = next;
    });
    // The caller learns of a failure; the change behind it starts all the same.
    this.#lastChange = change.catch(() => undefined);
    return change;
  }
}

function toTable(content: unknown): Table {
  const namespaces = entriesOf(entriesOf(content).get('configTable'));
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

function toJson(table: Table): unknown {
  const configTable = Object.fromEntries(
    [...table].map(([namespace, values]) => [namespace, Object.fromEntries(values)]),
  );
  return { configTable };
}
