import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Step } from '../../../infra/command.ts';
import { lineOf, type Line } from '../../../infra/containers/lines.ts';
import { Player } from '../../../infra/containers/player.ts';
import type { Verdict } from '../../../infra/demo/report.ts';
import { FakeDocker } from './fake-docker.ts';

let docker: FakeDocker;

beforeEach(async () => {
  docker = await FakeDocker.install();
});
afterEach(() => docker[Symbol.asyncDispose]());

const says = (line: Line): string => `echo '${lineOf(line)}'`;
const verdict = { orders: 100, lost: 0 } as Verdict;

describe('a player in its container', () => {
  it('has its steps shown, and done for it what it asks for, in the order of what it says', async () => {
    await docker.does(
      [
        says({ ask: 'start' }),
        'read answer',
        says({ step: 1, name: 'no broker' }),
        says({ step: 1, words: 'ten orders' }),
        says({ ask: 'kill broker' }),
        'read answer',
        says({ ask: 'start broker' }),
        'read answer',
        says({ step: 1, isDone: true }),
        says({ verdict }),
      ].join('\n'),
    );
    const heard: string[] = [];
    const step: Step = async (name, work) => {
      heard.push(`begin ${name}`);
      const result = await work((words) => heard.push(words));
      heard.push(`end ${name}`);
      return result;
    };
    const player = new Player(['an-image'], step, {
      'kill broker': async () => void heard.push('killed'),
      'start broker': async () => void heard.push('started'),
    });
    await player.ready;
    expect(heard).toEqual([]);
    expect(await player.play()).toEqual(verdict);
    expect(heard).toEqual(['begin no broker', 'ten orders', 'killed', 'started', 'end no broker']);
  });

  it('fails when it ends without a verdict', async () => {
    await docker.does(`${says({ ask: 'start' })}\nread answer\nexit 7`);
    const player = new Player([], (_name, work) => work(() => undefined), noAnswers);
    await player.ready;
    await expect(player.play()).rejects.toThrow('ended with code 7 and without a verdict');
  });

  it('fails when it ends before it is ready', async () => {
    await docker.does('exit 125');
    const player = new Player([], (_name, work) => work(() => undefined), noAnswers);
    await expect(player.ready).rejects.toThrow('ended with code 125 before it was ready');
  });
});

const noAnswers = {
  'kill broker': () => Promise.reject(new Error('not asked for')),
  'start broker': () => Promise.reject(new Error('not asked for')),
};
