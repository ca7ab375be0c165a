import { spawn, type ChildProcess } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { goPeerPath, javaClasspath, type JavaVersion } from './toolchain.ts';

/** One SENT line of a peer, see ../java/src/main/java/peer/Peer.java. */
export interface PeerSend {
  key: string;
  status: string;
  msgId: string | undefined;
  offsetMsgId: string | undefined;
  queue: string | undefined;
  queueOffset: number | undefined;
}

/** One GOT line of a peer. */
export interface PeerReceive {
  key: string;
  msgId: string;
  offsetMsgId: string;
  topic: string;
  queueId: number;
  queueOffset: number;
  reconsumeTimes: number;
  tags: string;
  bodySize: number;
  bodyCrc32: number;
}

export type PeerOptions = Readonly<Record<string, string | number | boolean>>;

/** How to start a peer: the official Java client of some version, or the official Go client. */
export interface PeerKind {
  readonly name: string;
  readonly commandLine: (
    command: string,
    options: PeerOptions,
  ) => Promise<{ file: string; args: string[] }>;
}

export function javaPeer(
  version: JavaVersion,
  serializeType: 'JSON' | 'ROCKETMQ' = 'JSON',
): PeerKind {
  return {
    name: `Java ${version}${serializeType === 'JSON' ? '' : ' with binary headers'}`,
    commandLine: async (command, options) => ({
      file: 'java',
      args: [
        '-Xmx256m',
        `-Drocketmq.serialize.type=${serializeType}`,
        // Its log would go to the home directory of whoever runs the tests.
        `-Duser.home=${join(tmpdir(), 'millrace-java-peer')}`,
        '-cp',
        await javaClasspath(version),
        'peer.Peer',
        command,
        ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]),
      ],
    }),
  };
}

export const goPeer: PeerKind = {
  name: 'Go v2.1.2',
  commandLine: async (command, options) => ({
    file: await goPeerPath(),
    args: [command, ...Object.entries(options).map(([name, value]) => `--${name}=${value}`)],
  }),
};

/** Runs `produce` to its end and returns what the peer says it sent. */
export async function produce(kind: PeerKind, options: PeerOptions): Promise<PeerSend[]> {
  const peer = await RunningPeer.start(kind, 'produce', options);
  await peer.ended;
  return peer.lines('SENT').map(([key, status, msgId, offsetMsgId, queue, queueOffset]) => ({
    key: key!,
    status: status!,
    msgId,
    offsetMsgId,
    queue,
    queueOffset: queueOffset === undefined ? undefined : Number(queueOffset),
  }));
}

/** Starts `consume`; `received` settles when the peer has got all it wants and has shut down. */
export async function consume(
  kind: PeerKind,
  options: PeerOptions,
): Promise<{ received: Promise<PeerReceive[]> }> {
  const peer = await RunningPeer.start(kind, 'consume', options);
  await peer.line('READY');
  return {
    received: peer.ended.then(() =>
      peer
        .lines('GOT')
        .map(([key, msgId, offsetMsgId, topic, queueId, queueOffset, times, tags, size, crc]) => ({
          key: key!,
          msgId: msgId!,
          offsetMsgId: offsetMsgId!,
          topic: topic!,
          queueId: Number(queueId),
          queueOffset: Number(queueOffset),
          reconsumeTimes: Number(times),
          tags: tags!,
          bodySize: Number(size),
          bodyCrc32: Number(crc),
        })),
    ),
  };
}

const running = new Set<ChildProcess>();

/** Kills peers a failed test left behind. For afterEach. */
export function killPeers(): void {
  for (const child of running) child.kill('SIGKILL');
}

class RunningPeer {
  readonly ended: Promise<void>;
  readonly #lines: string[][] = [];
  readonly #waiters = new Map<string, () => void>();

  private constructor(kind: PeerKind, child: ChildProcess) {
    running.add(child);
    let stderr = '';
    child.stderr!.on('data', (chunk: Buffer) => (stderr = (stderr + String(chunk)).slice(-4000)));
    createInterface({ input: child.stdout! }).on('line', (text) => {
      const line = text.split('\t');
      this.#lines.push(line);
      this.#waiters.get(line[0]!)?.();
    });
    this.ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => {
        running.delete(child);
        if (code === 0) return resolve();
        const said = this.#lines.map((line) => line.join('\t')).slice(-20);
        reject(
          new Error(
            `${kind.name} peer ended with ${code ?? signal}:\n${said.join('\n')}\n${stderr}`,
          ),
        );
      });
    });
    // A failure before anybody awaits `ended` must not end the test process; awaiting it still throws.
    this.ended.catch(() => undefined);
  }

  static async start(kind: PeerKind, command: string, options: PeerOptions): Promise<RunningPeer> {
    const { file, args } = await kind.commandLine(command, options);
    return new RunningPeer(kind, spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] }));
  }

  lines(first: string): string[][] {
    return this.#lines.filter((line) => line[0] === first).map((line) => line.slice(1));
  }

  async line(first: string): Promise<void> {
    const seen = new Promise<void>((resolve) => this.#waiters.set(first, resolve));
    if (this.lines(first).length === 0) await Promise.race([seen, this.ended]);
  }
}
