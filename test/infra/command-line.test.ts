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

  it.each([['demo'], ['test'], ['interop']])('explains %s with --help', (command) => {
    expect(parseCommandLine([command, '--help'])).toEqual({
      help: expect.stringContaining('npm '),
    });
  });

  it.each([
    [['demo', '--twice'], /--twice/],
    [['demo', 'now'], /now/],
    [['demo', '--once=yes'], /--once/],
    [['test', '--once'], /--once/],
    [['test', 'integartion'], /integartion is no part of npm test[^]*check[^]*integration[^]*e2e/],
    [['interop', 'java'], /java/],
    [['dmeo'], /Unknown command: dmeo. There are demo, test, interop, bench/],
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

  it('hands the flags of the benchmarks on unread', () => {
    expect(parseCommandLine(['bench', '--only', 'start'])).toMatchObject({
      command: 'bench',
      options: { args: ['--only', 'start'] },
    });
  });
});
