import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { lockFile } from '../../../mq/store/lock-file.ts';

let directory: string;
let file: string;

beforeEach(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-lock-'));
  file = path.join(directory, 'lock');
});
afterEach(() => fs.rmSync(directory, { recursive: true }));

/** What the lock of this process looks like. */
function ownText(): string {
  const unlock = lockFile(file);
  const text = fs.readFileSync(file, 'utf8');
  unlock();
  return text;
}

describe('the lock of a store directory', () => {
  it('is held once, and free again after it was let go', () => {
    const unlock = lockFile(file);
    expect(() => lockFile(file)).toThrow(
      /in use by this process; a store directory serves one broker/,
    );
    unlock();
    expect(fs.readdirSync(directory)).toEqual([]);
    lockFile(file)();
  });

  it('held by a living process is refused, naming that process', () => {
    const parent = process.ppid;
    const proc = `/proc/${parent}/stat`;
    const stat = fs.existsSync(proc) ? fs.readFileSync(proc, 'utf8') : '';
    const startedAt = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
    const text = ownText().replace(/^pid=\d+ started=\d*/, `pid=${parent} started=${startedAt}`);
    fs.writeFileSync(file, text);
    expect(() => lockFile(file)).toThrow(`in use by process ${parent}`);
    expect(fs.readFileSync(file, 'utf8')).toBe(text);
    expect(fs.readdirSync(directory)).toEqual(['lock']);
  });

  it.each([
    ['a process that ended', () => ownText().replace(/^pid=\d+/, `pid=${spawnSync('true').pid}`)],
    [
      'a process whose id was given to another since',
      () => ownText().replace(/^pid=\d+ started=\d+/, `pid=${process.ppid} started=1`),
    ],
    ['a process before the last boot', () => `pid=${process.ppid} started=5 boot=another\n`],
    ['the original broker, which has ended', () => 'lock'],
    ['nobody: the file is empty', () => ''],
  ])('left behind by %s is taken over', (_who, text) => {
    fs.writeFileSync(file, text());
    const unlock = lockFile(file);
    expect(fs.readFileSync(file, 'utf8')).toMatch(new RegExp(`^pid=${process.pid} `));
    unlock();
  });

  it('left behind is taken over by one only: who comes second finds the first, not the dead one', () => {
    const first = ownText().replace(/^pid=\d+/, `pid=${process.ppid}`);
    fs.writeFileSync(file, `pid=${spawnSync('true').pid} started=1 boot=x\n`);
    const readFileSync = fs.readFileSync.bind(fs);
    const read = jest.spyOn(fs, 'readFileSync');
    read.mockImplementation((...args: Parameters<typeof fs.readFileSync>) => {
      const found = readFileSync(...args);
      if (args[0] === file) {
        // The first one puts its own in the place of the dead one right after this one has read that.
        read.mockRestore();
        fs.writeFileSync(file, first);
      }
      return found;
    });
    expect(() => lockFile(file)).toThrow('in use by a process that started at the same moment');
    expect(fs.readFileSync(file, 'utf8')).toBe(first);
    expect(fs.readdirSync(directory)).toEqual(['lock']);
  });

  it('whose taking over was cut short by a crash can be taken over', () => {
    for (const name of ['lock', 'lock.next', 'lock.next.next']) {
      fs.writeFileSync(path.join(directory, name), 'pid=1 started=1 boot=x\n');
    }
    const unlock = lockFile(file);
    expect(fs.readFileSync(file, 'utf8')).toMatch(new RegExp(`^pid=${process.pid} `));
    expect(fs.readdirSync(directory)).toEqual(['lock']);
    unlock();
  });

  it('taken over by another meanwhile is not removed on release', () => {
    const unlock = lockFile(file);
    fs.writeFileSync(file, 'pid=1 started=1 boot=x\n');
    unlock();
    expect(fs.existsSync(file)).toBe(true);
  });
});
