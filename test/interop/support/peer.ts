import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { until } from '../../support/deadline.ts';
import type { PeerKind } from './peer-kinds.ts';

export type PeerOptions = Readonly<Record<string, string | number | boolean | undefined>>;

const running = new Set<ChildProcess>();

/** Kills peers a failed test left behind. For afterEach. */
export function killPeers(): void {
  for (const child of running) child.kill('SIGKILL');
}

/** A client in a process of its own that does what it is told, see ../java/src/main/java/peer/Peer.java. */
export class Peer implements AsyncDisposable {
  readonly kind: PeerKind;
  readonly #child: ChildProcess;
  readonly #commands = new Map<string, PeerCommand>();
  #nextId = 1;
  #stderr = '';
  #end: string | undefined;

  private constructor(kind: PeerKind, child: ChildProcess) {
    this.kind = kind;
    this.#child = child;
    running.add(child);
    child.stderr!.on('data', (chunk: Buffer) => {
      this.#stderr = (this.#stderr + String(chunk)).slice(-4000);
    });
    child.stdin!.on('error', (error) => (this.#end ??= String(error)));
    child.once('error', (error) => (this.#end ??= String(error)));
    child.once('exit', (code, signal) => {
      running.delete(child);
      this.#end ??= `it ended with ${code ?? signal}`;
    });
    createInterface({ input: child.stdout! }).on('line', (text) => {
      const [id, event, ...fields] = text.split('\t');
      if (event !== undefined) this.#commands.get(id!)?.add(event, fields);
    });
  }

  /** Settles when it answers. */
  static async start(kind: PeerKind): Promise<Peer> {
    const { file, args } = await kind.commandLine();
    const peer = new Peer(kind, spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'] }));
    await peer.run('ping', {});
    return peer;
  }

  command(name: string, options: PeerOptions): PeerCommand {
    const id = String(this.#nextId++);
    const command = new PeerCommand(id, `${this.kind.name}: ${name}`, () =>
      this.#end === undefined ? undefined : `${this.#end}\n${this.#stderr}`,
    );
    this.#commands.set(id, command);
    const given = Object.entries(options).filter(([, value]) => value !== undefined);
    const fields = [id, name, ...given.map(([option, value]) => `${option}=${String(value)}`)];
    this.#child.stdin!.write(`${fields.join('\t')}\n`);
    return command;
  }

  async run(name: string, options: PeerOptions): Promise<PeerCommand> {
    const command = this.command(name, options);
    await command.line('DONE');
    return command;
  }

  async start(name: string, options: PeerOptions): Promise<RunningCommand> {
    const command = this.command(name, options);
    await command.line('READY');
    const stop = async (): Promise<void> => {
      if (this.#end === undefined) await this.run('stop', { target: command.id });
    };
    return { command, stop, [Symbol.asyncDispose]: stop };
  }

  /** As a power cut of its machine: no goodbye to anybody. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const closed = once(this.#child, 'close');
    this.#child.kill('SIGKILL');
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

/** Something that goes on until it is stopped. */
export interface RunningCommand extends AsyncDisposable {
  readonly command: PeerCommand;
  stop(): Promise<void>;
}

/** One command given to a peer, and the lines that came of it. */
export class PeerCommand {
  readonly id: string;
  readonly #lines: string[] = [];
  readonly #byEvent = new Map<string, (readonly string[])[]>();
  readonly #name: string;
  readonly #endOfPeer: () => string | undefined;

  constructor(id: string, name: string, endOfPeer: () => string | undefined) {
    this.id = id;
    this.#name = name;
    this.#endOfPeer = endOfPeer;
  }

  add(event: string, fields: readonly string[]): void {
    this.#lines.push([event, ...fields].join(' '));
    const before = this.#byEvent.get(event);
    if (before === undefined) this.#byEvent.set(event, [fields]);
    else before.push(fields);
  }

  /** The fields of every such event so far. */
  all(event: string): readonly (readonly string[])[] {
    return this.#byEvent.get(event) ?? [];
  }

  /** Its latest lines, for the message of a failure. */
  said(): string {
    return this.#lines.slice(-20).join('\n');
  }

  /** Settles with the fields of the first such event. */
  async line(event: string): Promise<readonly string[]> {
    const probe = (): readonly string[] | undefined => this.all(event)[0];
    return await this.until(probe, event);
  }

  /** Settles when `probe` is satisfied; fails as soon as the command or its peer has failed, or the time is over. */
  async until<T>(
    probe: () => T | undefined | false,
    what: string,
    timeoutMs = 90_000,
  ): Promise<NonNullable<T>> {
    const settled = await until<{ value?: T; failure?: string }>(
      () => {
        const value = probe();
        if (value !== undefined && value !== false) return { value };
        const failure = this.all('FAILED')[0]?.join(' ') ?? this.#endOfPeer();
        return failure === undefined ? undefined! : { failure };
      },
      { timeoutMs, pollMs: 20, what: `${what} of ${this.#name}` },
    ).catch((error: unknown) => {
      throw new Error(`${(error as Error).message}; it said:\n${this.said()}`, { cause: error });
    });
    if (settled.failure === undefined) return settled.value!;
    throw new Error(`${this.#name} failed: ${settled.failure}\n${this.said()}`);
  }
}
