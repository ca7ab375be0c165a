import type { Say } from '../command.ts';
import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseContext } from './database-context.ts';
import type { Machine } from './machine.ts';

export interface ContainerOptions {
  name: string;
  image: string;
  publish: string;
  /** Where the image keeps its data; a folder under .millrace/ is mounted there. */
  mount: string;
  env: Readonly<Record<string, string>>;
  /** What follows the image's name: a command, or arguments for the image's own. */
  args: readonly string[];
  ready: () => Promise<boolean>;
  readyTimeoutMs: number;
  say: Say;
}

/** Runs a public image as one of our processes: `docker run` stays in the foreground, and the container ends with it. */
export async function startContainer(
  machine: Machine,
  { processes, dir }: DatabaseContext,
  options: ContainerOptions,
): Promise<void> {
  const { image, say } = options;
  if ((await machine.run('docker', ['image', 'inspect', image])).code !== 0) {
    say(`docker pull ${image}`);
    const pull = await machine.run('docker', ['pull', image]);
    if (pull.code !== 0) throw new Error(`${pull.output}\n\ndocker pull ${image} failed`);
  }
  say(`${image} in Docker, ${options.publish}`);
  // A server in an image writes other files than one on PATH (other versions, another user).
  const dataDir = join(dir, 'docker');
  mkdirSync(dataDir, { recursive: true });
  const folderId = createHash('sha256').update(dir).digest('hex').slice(0, 8);
  const container = `millrace-${options.name}-${folderId}`;
  // One that a killed command has left behind has the port of that command, not ours.
  await machine.run('docker', ['rm', '--force', container]);
  await processes.start({
    name: options.name,
    command: 'docker',
    args: [
      'run',
      '--rm',
      `--name=${container}`,
      `--publish=${options.publish}`,
      `--volume=${dataDir}:${options.mount}`,
      // The data folder then belongs to the one who typed the command, who can also delete it.
      ...(machine.isRoot ? [] : [`--user=${process.getuid?.()}:${process.getgid?.()}`]),
      ...Object.entries(options.env).map(([name, value]) => `--env=${name}=${value}`),
      image,
      ...options.args,
    ],
    container,
    stopOrder: 0,
    stopTimeoutMs: 30_000,
    ready: options.ready,
    readyTimeoutMs: options.readyTimeoutMs,
  });
}
