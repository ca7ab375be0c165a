import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { silentLogger, type Logger } from '../../../mq/logger.ts';
import { KvConfig } from '../../../mq/namesrv/kv-config.ts';
import { JsonConfigFile } from '../../../mq/store/config-file.ts';
import { nodeFiles } from '../../../mq/store/files.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';

let directory: string;
let path: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-kv-'));
  path = join(directory, 'namesrv', 'kvConfig.json');
});

afterEach(() => rm(directory, { recursive: true, force: true }));

const load = (logger: Logger = silentLogger): Promise<KvConfig> =>
  KvConfig.load(new JsonConfigFile(path, nodeFiles, logger));

describe('the key-value table', () => {
  it('is empty without a file, and creates neither file nor directory until something is put', async () => {
    const kv = await load();
    expect(kv.get('N', 'k')).toBeUndefined();
    expect(kv.namespace('N')).toBeUndefined();
    await expect(readFile(path)).rejects.toThrow(/ENOENT/);
  });

  it('is on disk in the form of the original once a change is answered', async () => {
    const kv = await load();
    await Promise.all([
      kv.put('N', 'k', '1'),
      kv.put('N', 'l', '2'),
      kv.put('M', '__proto__', '3'),
    ]);
    expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({
      configTable: { N: { k: '1', l: '2' } },
    });
    const again = await load();
    expect(again.namespace('N')).toEqual(
      new Map([
        ['k', '1'],
        ['l', '2'],
      ]),
    );
    expect(again.get('M', '__proto__')).toBe('3');
  });

  it('forgets a namespace with its last key, and forgives deleting what is not there', async () => {
    const kv = await load();
    await kv.put('N', 'k', '1');
    await kv.delete('N', 'other');
    await kv.delete('Nowhere', 'k');
    await kv.delete('N', 'k');
    expect(kv.namespace('N')).toBeUndefined();
    expect((await load()).namespace('N')).toBeUndefined();
  });

  it('falls back to the edition before when the file is damaged or was lost between two renames', async () => {
    const kv = await load();
    await kv.put('N', 'k', 'old');
    await kv.put('N', 'k', 'new');
    await writeFile(path, '{"configTable":{"N":{"k":');
    const logger = new RecordingLogger();
    expect((await load(logger)).get('N', 'k')).toBe('old');
    expect(logger.messages('error')).toEqual(['a config file cannot be parsed']);
    await rename(path, `${path}.gone`);
    expect((await load()).get('N', 'k')).toBe('old');
  });

  it('refuses to start from a file that it would overwrite without understanding it', async () => {
    await mkdir(join(directory, 'namesrv'));
    for (const damaged of ['{"configTable":{"N":', '[]', '{"configTable":[]}', 'null', '{}']) {
      await writeFile(path, damaged);
      await expect(load()).rejects.toMatchObject({
        code: 'STORE_FAILED',
        message: expect.stringContaining(path),
      });
    }
  });

  it('stays as it was when the disk refuses, and works again when it does not', async () => {
    const kv = await load();
    await kv.put('N', 'k', 'old');
    await mkdir(`${path}.tmp`);
    await expect(kv.put('N', 'k', 'new')).rejects.toThrow(/EISDIR/);
    expect(kv.get('N', 'k')).toBe('old');
    await rm(`${path}.tmp`, { recursive: true });
    await kv.put('N', 'k', 'newer');
    expect((await load()).get('N', 'k')).toBe('newer');
  });

  it('is kept in memory when it has no path', async () => {
    const kv = await KvConfig.load(undefined);
    await kv.put('N', 'k', '1');
    expect(kv.get('N', 'k')).toBe('1');
  });
});
