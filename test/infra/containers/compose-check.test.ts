import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { CommandContext, Step } from '../../../infra/command.ts';
import { run } from '../../../infra/commands/compose-check.ts';
import { FakeDocker } from './fake-docker.ts';

let docker: FakeDocker;

beforeEach(async () => {
  docker = await FakeDocker.install();
});
afterEach(() => docker[Symbol.asyncDispose]());

function contextWith(step: Step): CommandContext {
  return {
    options: { args: [], once: false, killBroker: false },
    root: docker.dir,
    step,
    endProgress: () => undefined,
    takeStateSlot: () => {
      throw new Error('the check went on');
    },
    slotsInUse: () => [],
  };
}
const plainStep: Step = (_name, work) => work(() => undefined);

describe('compose:check', () => {
  it('says that nothing was checked where no engine answers', async () => {
    await docker.does('echo no daemon >&2; exit 1');
    expect(await run(contextWith(plainStep))).toBe(3);
  });

  it('says that nothing was checked where a base image cannot be had', async () => {
    await docker.does('case "$1" in image | pull) exit 1;; esac');
    expect(await run(contextWith(plainStep))).toBe(3);
  });

  it('says that nothing was checked where the engine may not run containers', async () => {
    await docker.does('[ "$1" != run ] || { echo operation not permitted >&2; exit 125; }');
    expect(await run(contextWith(plainStep))).toBe(3);
  });

  it('does not call it that when it fails itself', async () => {
    await docker.does('exit 0');
    const failing: Step = () => Promise.reject(new TypeError('a mistake of ours'));
    await expect(run(contextWith(failing))).rejects.toThrow('a mistake of ours');
    await expect(run(contextWith(plainStep))).rejects.toThrow('the check went on');
  });
});
