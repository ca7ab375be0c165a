import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { bringUp } from '../../../infra/containers/bring-up.ts';
import { Engine } from '../../../infra/containers/engine.ts';
import { until } from '../../support/deadline.ts';
import { FakeDocker } from './fake-docker.ts';

let docker: FakeDocker;
let engine: Engine;

beforeEach(async () => {
  docker = await FakeDocker.install();
  engine = new Engine({
    compose: ['docker', 'compose'],
    project: 'a-project',
    files: ['compose.yml'],
    root: docker.dir,
    env: {},
    logPath: join(docker.dir, 'compose.log'),
  });
});
afterEach(() => docker[Symbol.asyncDispose]());

const say = (): void => undefined;

describe('bringing containers up', () => {
  it('ends when all are well', async () => {
    await docker.does(
      '[ "$1" = ps ] && printf "%s\\t%s\\t%s\\t%s\\n" 1 order running "Up (healthy)" 2 topics exited "Exited (0)"; exit 0',
    );
    await bringUp(engine, say, []);
  });

  it('does not take it for well that there is nobody', async () => {
    await docker.does('exit 0');
    await expect(bringUp(engine, say, [])).rejects.toThrow('no container of the shop is there');
  });

  it('does not take it for well that the engine does not say who there is', async () => {
    await docker.does('[ "$1" = ps ] && { echo "no such engine" >&2; exit 1; }; exit 0');
    await expect(engine.containers()).rejects.toThrow(
      'docker ps ended with code 1: no such engine',
    );
    await expect(bringUp(engine, say, [])).rejects.toThrow('no such engine');
  });

  it('shows what those have said last who are not well', async () => {
    await docker.does(
      `case "$1" in ps) printf "7\\torder\\texited\\tExited (1)\\n";; logs) echo "PORT is wrong";; esac; exit 0`,
    );
    await expect(bringUp(engine, say, [])).rejects.toThrow(
      /--- order: Exited \(1\)\nPORT is wrong\nnot well: order/,
    );
  });
});

describe('an engine', () => {
  it('ends what is under way when that is given up, and can be used after it', async () => {
    const begun = join(docker.dir, 'begun');
    await docker.does(`[ "$1" = build ] || exit 0; echo > ${begun}; exec sleep 1000`);
    const building = engine.docker('build', '.');
    building.catch(() => undefined);
    await until(() => existsSync(begun), { timeoutMs: 120_000 });
    await engine.abandon();
    await expect(building).rejects.toThrow('build ended with code null');
    await engine.docker('version');
  });
});
