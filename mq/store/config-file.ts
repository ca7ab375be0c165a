import path from 'node:path';
import { MqError } from '../errors.ts';
import { silentLogger, type Logger } from '../logger.ts';
import { parseFastJson } from '../protocol/fast-json.ts';
import type { Files } from './files.ts';

/** Our own files are no hostile input; 100,000 queues times a few groups must fit. */
const limits = { maxDepth: 64, maxChars: 512 * 1024 * 1024 };

/** How a file's text and its value become each other. `parse` throws what it cannot read. */
export interface TextForm<T> {
  parse(text: string): T;
  format(value: T): string;
}

const plainJson: TextForm<unknown> = {
  parse: (text) => parseFastJson(text, limits),
  format: (value) => JSON.stringify(value, undefined, 2),
};

/**
 * One JSON file below `config/`, as the original keeps them: `<name>` and, from the write before, `<name>.bak`.
 *
 * Shape: reads the original's JSON too, which has numbers as unquoted keys; writes standard JSON.
 * Order: writes are served one at a time; of those that wait, only the newest is carried out.
 * Errors: what the disk says. A crash at any point leaves the old or the new text, never half of one.
 * Source: RocketMQ 5.3 ConfigManager.java, MixAll.string2File.
 */
export class JsonConfigFile<T = unknown> {
  readonly path: string;
  readonly #files: Files;
  readonly #logger: Logger;
  readonly #form: TextForm<T>;
  /** Waits for the write under way. */
  #next: { value: T; readonly written: Promise<void> } | undefined;
  /** Settles, and never rejects, when the newest write that was asked for has been tried. */
  #last: Promise<void> = Promise.resolve();
  /** The file itself could not be parsed: what its backup holds is the only good version. */
  #isDamaged = false;

  constructor(
    filePath: string,
    files: Files,
    logger: Logger = silentLogger,
    // Without a form T is whatever JSON says.
    form: TextForm<T> = plainJson as TextForm<T>,
  ) {
    this.path = filePath;
    this.#files = files;
    this.#logger = logger;
    this.#form = form;
  }

  /**
   * What the file holds, or else its backup; undefined when there is neither.
   *
   * Errors: STORE_FAILED when something is there but nothing can be parsed: to start with nothing would lose it.
   */
  async read(): Promise<T | undefined> {
    const failures: unknown[] = [];
    for (const candidate of [this.path, `${this.path}.bak`]) {
      const text = this.#readText(candidate);
      if (text === undefined) continue;
      const isBlank = text.trim() === '';
      try {
        if (!isBlank) return this.#form.parse(text);
      } catch (cause) {
        failures.push(cause);
        this.#logger.error('a config file cannot be parsed', { path: candidate, cause });
      }
      if (isBlank) this.#logger.warn('a config file is empty', { path: candidate });
      this.#isDamaged ||= candidate === this.path;
    }
    if (failures.length === 0) return undefined;
    throw new MqError('STORE_FAILED', `${this.path} and its backup cannot be parsed`, {
      cause: failures[0],
      details: { path: this.path },
    });
  }

  /**
   * Resolves when this value, or a newer one, would survive a power cut. It is turned into text only when its turn has
   * come; whoever gives an object with `toJSON` gets its newest state written.
   */
  write(value: T): Promise<void> {
    if (this.#next !== undefined) {
      this.#next.value = value;
      return this.#next.written;
    }
    const written = this.#last.then(() => this.#writeNext());
    this.#next = { value, written };
    this.#last = written.catch(() => undefined);
    return written;
  }

  #writeNext(): Promise<void> {
    const { value } = this.#next!;
    this.#next = undefined;
    return this.#replace(this.#form.format(value));
  }

  async #replace(text: string): Promise<void> {
    const files = this.#files;
    const directory = path.dirname(this.path);
    const fresh = `${this.path}.tmp`;
    files.makeDirectory(directory);
    const bytes = Buffer.from(text, 'utf8');
    const file = files.open(fresh, 'write');
    try {
      file.truncate(0);
      for (let at = 0; at < bytes.length;) at += file.write(bytes.subarray(at), at);
      await file.datasync();
    } finally {
      file.close();
    }
    // A damaged or empty file is not worth keeping, and would replace a backup that is.
    const isWorthKeeping = !this.#isDamaged && (files.sizeOf(this.path) ?? 0) > 0;
    if (isWorthKeeping) files.rename(this.path, `${this.path}.bak`);
    files.rename(fresh, this.path);
    this.#isDamaged = false;
    await files.syncDirectory(directory);
  }

  #readText(file: string): string | undefined {
    const size = this.#files.sizeOf(file);
    if (size === undefined) return undefined;
    const open = this.#files.open(file, 'read');
    try {
      const bytes = Buffer.alloc(size);
      let filled = 0;
      while (filled < size) {
        const count = open.readSync(bytes.subarray(filled), filled);
        if (count === 0) break;
        filled += count;
      }
      return bytes.toString('utf8', 0, filled);
    } finally {
      open.close();
    }
  }
}
