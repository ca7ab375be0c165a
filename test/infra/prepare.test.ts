import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { whyOutdated } from '../../infra/prepare.mjs';

const root = resolve(import.meta.dirname, '..', '..');
const lock = {
  packages: {
    '': {},
    mq: { version: '0.1.0' },
    'node_modules/jest': { version: '30.5.2' },
    'node_modules/a/node_modules/@scope/b': { version: '1.0.0' },
    'node_modules/for-another-system': { version: '1.0.0', optional: true },
    'node_modules/millrace': { link: true },
  },
};
const installed = {
  packages: {
    'node_modules/jest': { version: '30.5.2' },
    'node_modules/a/node_modules/@scope/b': { version: '1.0.0' },
    'node_modules/millrace': { link: true },
  },
};

describe('whyOutdated', () => {
  it('is content when everything but optional packages is there', () => {
    expect(whyOutdated(lock, installed)).toBeUndefined();
  });

  it('names a package that is not installed', () => {
    const { 'node_modules/a/node_modules/@scope/b': _, ...others } = installed.packages;
    expect(whyOutdated(lock, { packages: others })).toBe('@scope/b is not installed');
  });

  it('names both versions of a package that is outdated', () => {
    const older = { ...installed.packages, 'node_modules/jest': { version: '29.0.0' } };
    expect(whyOutdated(lock, { packages: older })).toBe(
      'jest is 29.0.0 and package-lock.json names 30.5.2',
    );
  });

  it('needs the same Node as package.json says', async () => {
    const { engines } = JSON.parse(await readFile(resolve(root, 'package.json'), 'utf8')) as {
      engines: { node: string };
    };
    const bootstrap = await readFile(resolve(root, 'infra', 'bootstrap.mjs'), 'utf8');
    expect(engines.node).toBe(`>=${/needed = '([^']+)'/.exec(bootstrap)?.[1]}`);
  });
});
