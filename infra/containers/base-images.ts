import { ROCKETMQ_VERSION } from '../rocketmq/distribution.ts';
import { run } from './engine.ts';

/** What the image is made of, and what runs beside it. */
export const baseImages = ['node:24-bookworm-slim', 'mariadb:10.11', 'redis:7'];

/** Name server and broker of compose.rocketmq.yml. */
export const rocketmqImage = `apache/rocketmq:${ROCKETMQ_VERSION}`;

/** For all of them. */
const fetchLimitMs = 120_000;
const firstRunLimitMs = 60_000;

/** Undefined when all are there or could be fetched in time, else why not. */
export async function baseImageProblem(
  images: readonly string[],
  say: (words: string) => void,
): Promise<string | undefined> {
  const deadline = performance.now() + fetchLimitMs;
  for (const image of images) {
    if ((await run('docker', ['image', 'inspect', image])).code === 0) continue;
    say(`docker pull ${image}`);
    const limitMs = Math.max(1, Math.round(deadline - performance.now()));
    const pull = await run('docker', ['pull', image], { limitMs });
    if (pull.code === 0) continue;
    const why = performance.now() < deadline ? pull.text.trim() : `${fetchLimitMs / 1_000} s over`;
    return `${image} is not there and cannot be fetched: ${why}`;
  }
  return undefined;
}

/** Undefined when the engine runs a container of the first image, else why not: where it is a container itself, it may not. */
export async function engineProblem(): Promise<string | undefined> {
  const { code, text } = await run('docker', ['run', '--rm', baseImages[0]!, 'true'], {
    limitMs: firstRunLimitMs,
  });
  return code === 0 ? undefined : `The Docker engine runs no container: ${text.trim()}`;
}
