import { describe, expect, it } from '@jest/globals';
import { parseCommandLine } from '../../infra/command-line.mjs';

describe('parseCommandLine', () => {
  it('reads the flags of the demo', () => {
    expect(parseCommandLine(['demo', '--once', '--kill-broker'])).toEqual({
      command: 'demo',
      options: { args: ['--once', '--kill-broker'], once: true, killBroker: true },
    });
    expect(parseCommandLine(['demo'])).toMatchObject({
      options: { once: false, killBroker: false },
    });
  });

  it('reads numbers, and gives times in milliseconds', () => {
    expect(parseCommandLine(['demo', '--seed', '4294967295'])).toMatchObject({
      options: { seed: 4_294_967_295 },
    });
    expect(parseCommandLine(['audit', '--grace', '0', '--open=10'])).toMatchObject({
      command: 'audit',
      options: { graceMs: 0, openMs: 10_000 },
    });
    expect(parseCommandLine(['chaos', '--rounds', '3'])).toMatchObject({
      command: 'chaos',
      options: { rounds: 3 },
    });
    expect(
      parseCommandLine(['compose-check', '--limit', '400', '--broker', 'rocketmq']),
    ).toMatchObject({
      command: 'compose-check',
      options: { limitS: 400, broker: 'rocketmq' },
    });
  });

  it.each([
    ['demo'],
    ['audit'],
    ['compose-check'],
    ['chaos'],
    ['test'],
    ['nodes'],
    ['interop'],
    ['fault'],
    ['crash'],
    ['loadtest'],
  ])('explains %s with --help', (command) => {
    expect(parseCommandLine([command, '--help'])).toEqual({
      help: expect.stringContaining('npm '),
    });
  });

  it.each([
    [['demo', '--twice'], /--twice/],
    [['demo', 'now'], /now/],
    [['demo', '--once=yes'], /--once/],
    [['test', '--once'], /--once/],
    [['audit', '--seed', '1'], /--seed/],
    [['compose-check', '--once'], /--once/],
    [['compose-check', '--broker', 'kafka'], /--broker is kafka, it must be millrace or rocketmq/],
    [['demo', '--broker', 'rocketmq'], /--broker/],
    [['demo', '--seed'], /--seed/],
    [['demo', '--seed', '-1'], /--seed/],
    [['demo', '--seed', '1.5'], /--seed is 1.5, it must be a whole number from 0 to 4294967295/],
    [['demo', '--seed', '4294967296'], /--seed is 4294967296, it must be a whole number/],
    [['demo', '--seed', ''], /--seed is , it must be a whole number/],
    [['audit', '--grace', '86401'], /--grace is 86401, it must be a whole number from 0 to 86400/],
    // A run that kills nothing must not be green.
    [['chaos', '--rounds', '0'], /--rounds is 0, it must be a whole number from 1 to 1000/],
    [['chaos', '--rounds', 'two'], /--rounds is two, it must be a whole number from 1 to 1000/],
    [['fault', '--seeds', '0'], /--seeds is 0, it must be a whole number from 1 to 1000000/],
    [['crash', '--cycles', '0'], /--cycles is 0, it must be a whole number from 1 to 1000000/],
    [['test', 'integartion'], /integartion is no part of npm test[^]*check[^]*integration[^]*e2e/],
    [['nodes', '24', 'lts'], /lts is no version of Node/],
    [['interop', 'java'], /java/],
    [
      ['dmeo'],
      /Unknown command: dmeo. There are demo, audit, chaos, compose-check, test, nodes, interop, fuzz, fault, crash, loadtest, bench/,
    ],
    [[], /Unknown command: \(none\)/],
  ])('refuses %j and says what there is', (argv, mistake) => {
    expect(parseCommandLine(argv)).toEqual({ mistake: expect.stringMatching(mistake) });
  });

  it('hands on the parts of npm test that are named', () => {
    expect(parseCommandLine(['test', 'integration', 'e2e'])).toEqual({
      command: 'test',
      options: { args: ['integration', 'e2e'], once: false, killBroker: false },
    });
    expect(parseCommandLine(['test'])).toMatchObject({ options: { args: [] } });
  });

  it('hands on the versions of Node that are named', () => {
    expect(parseCommandLine(['nodes', '24', '26.1.0'])).toMatchObject({
      command: 'nodes',
      options: { args: ['24', '26.1.0'] },
    });
  });

  it('hands the flags of the benchmarks on unread', () => {
    expect(parseCommandLine(['bench', '--only', 'start'])).toMatchObject({
      command: 'bench',
      options: { args: ['--only', 'start'] },
    });
  });
});
