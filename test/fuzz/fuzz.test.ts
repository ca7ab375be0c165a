import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MqError } from '../../mq/errors.ts';
import { foundFiles, readFound, writeFound } from './found.ts';
import { Found, Fuzzer } from './fuzzer.ts';
import type { Target } from './target.ts';
import { outcomeOf } from './target.ts';
import { allTargets } from './targets.ts';

const INPUTS_A_TARGET = 300;

const targets = await allTargets();
afterAll(async () => {
  for (const target of targets) await target.rest?.();
});

describe('what parses the words of a peer', () => {
  it.each(targets.map((target) => [target.name, target] as const))(
    'stands a few hundred changed %s',
    async (_name, target) => {
      const fuzzer = new Fuzzer(target, 1);
      for (const input of target.material.inputs) await fuzzer.try(input);
      await fuzzer.runInputs(INPUTS_A_TARGET);
      expect(fuzzer.outcomeCount).toBeGreaterThan(1);
    },
  );

  it('stands every input that was once too much', async () => {
    for (const path of foundFiles(join(import.meta.dirname, 'found'))) {
      const { target: name, input } = readFound(path);
      const target = targets.find((each) => each.name === name);
      if (target === undefined) throw new Error(`${path} names no target: ${name}`);
      await new Fuzzer(target, 0).try(input);
    }
  });
});

describe('the fuzzer', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'millrace-fuzz-test-'));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  /** Breaks when it has met `abc` at its start, one letter of which it tells at a time. */
  const brittle: Target = {
    name: 'brittle',
    material: { inputs: [Buffer.from('xyz')], words: [Buffer.from('c')] },
    check: (input) =>
      outcomeOf(() => {
        const text = input.toString('latin1');
        if (text.startsWith('abc')) throw new TypeError('broken');
        const length = ['abc', 'ab', 'a', ''].find((start) => text.startsWith(start))!.length;
        throw new MqError('INVALID_ARGUMENT', ['none', 'one letter', 'two letters'][length]!);
      }),
  };

  it('finds its way to a fault step by step, the same way with the same seed', async () => {
    const find = async (): Promise<Found> => {
      try {
        await new Fuzzer(brittle, 7).runInputs(1_000_000);
      } catch (error) {
        if (error instanceof Found) return error;
        throw error;
      }
      throw new Error('nothing was found');
    };
    const found = await find();
    expect(found.message).toBe('broken');
    expect(found.input.toString('latin1')).toMatch(/^abc/);
    expect((await find()).input).toEqual(found.input);
  });

  it('keeps what it finds in a file that gives it back', () => {
    const input = Buffer.from(Array.from({ length: 1_000 }, (_, index) => index % 256));
    const path = writeFound(directory, { target: 'json bodies', input }, 'two\nlines');
    expect(readFound(path)).toEqual({ target: 'json bodies', input });
    expect(foundFiles(directory)).toEqual([path]);
  });

  it('takes a refusal that repeats what the peer sent without a limit for a fault', () => {
    expect(() =>
      outcomeOf(() => {
        throw new MqError('INVALID_ARGUMENT', 'x'.repeat(100_000));
      }),
    ).toThrow('a refusal of 100000 characters, the limit is 4096');
  });
});
