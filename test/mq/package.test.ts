import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const directory = resolve(import.meta.dirname, '../../mq');
const { bin, files } = JSON.parse(readFileSync(resolve(directory, 'package.json'), 'utf8')) as {
  bin: Record<string, string>;
  files: string[];
};

describe('the package', () => {
  // npm links no command whose file is missing when it installs, and dist/ is built after that.
  it('has its command in a file that is there before the build, so that npx finds it in a fresh clone', () => {
    const command = bin['millrace']!;
    const [folder] = command.split('/');
    expect(folder).not.toBe('dist');
    expect(files).toContain(folder);
    expect(existsSync(resolve(directory, command))).toBe(true);
  });
});
