import { describe, expect, it } from '@jest/globals';
import { consoleLogger, isLogLevel } from '../../mq/logger.ts';

function logged(level: 'debug' | 'info' | 'warn' | 'error' | 'silent' = 'debug') {
  const lines: string[] = [];
  return { lines, logger: consoleLogger(level, (line) => lines.push(line)) };
}

describe('the console logger', () => {
  it('writes one line per event: time, level, message, values', () => {
    const { lines, logger } = logged();
    logger.warn('broker removed', {
      brokerId: 0,
      addr: '127.0.0.1:10911',
      why: 'no reason',
      x: undefined,
    });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(
      /^\d{4}-\d\d-\d\dT\S+Z WARN {2}broker removed brokerId=0 addr=127\.0\.0\.1:10911 why="no reason"\n$/,
    );
  });

  it('leaves out what is below its level', () => {
    const { lines, logger } = logged('warn');
    logger.debug('a');
    logger.info('b');
    logger.warn('c');
    logger.error('d');
    expect(lines.map((line) => line.trimEnd().at(-1))).toEqual(['c', 'd']);
    const silent = logged('silent');
    silent.logger.error('nothing');
    expect(silent.lines).toEqual([]);
  });

  it('does not let a value forge a line', () => {
    const { lines, logger } = logged();
    logger.info('peer said\n2030-01-01 ERROR all is lost', { text: 'x\r\n\u001b[31mred' });
    const controls = Array.from(lines[0]!).filter((character) => character < ' ');
    expect(controls).toEqual(['\n']);
  });

  it('shows an error with its cause, and values of any kind', () => {
    const { lines, logger } = logged();
    const error = new Error('outer', { cause: new Error('inner') });
    logger.error('failed', { error, list: [1, 2n], nothing: null });
    expect(lines[0]).toContain('Error: outer');
    expect(lines[0]).toContain('caused by Error: inner');
    expect(lines[0]).toContain('list=[1,"2"]');
    expect(lines[0]).toContain('nothing=null');
  });

  it('knows its levels', () => {
    expect(isLogLevel('warn')).toBe(true);
    expect(isLogLevel('loud')).toBe(false);
  });
});
