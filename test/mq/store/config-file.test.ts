import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { JsonConfigFile } from '../../../mq/store/config-file.ts';
import { until } from '../../support/deadline.ts';
import { failure } from '../../support/failure.ts';
import { settle } from '../../support/fake-clock.ts';
import { FaultyFiles } from '../../support/faulty-files.ts';
import { RecordingLogger } from '../../support/recording-logger.ts';

const PATH = '/store/config/topics.json';

let files: FaultyFiles;
let logger: RecordingLogger;
let file: JsonConfigFile;

beforeEach(() => {
  files = new FaultyFiles();
  logger = new RecordingLogger();
  file = new JsonConfigFile(PATH, files, logger);
});

function text(path: string): string {
  return files.bytes(path).toString();
}

describe('a config file', () => {
  it('is nothing before the first write, then what was written, with the one before as .bak', async () => {
    expect(await file.read()).toBeUndefined();
    await file.write({ version: 1 });
    expect(files.sizeOf(`${PATH}.bak`)).toBeUndefined();
    await file.write({ version: 2 });
    expect(JSON.parse(text(PATH))).toEqual({ version: 2 });
    expect(JSON.parse(text(`${PATH}.bak`))).toEqual({ version: 1 });
    expect(files.list('/store/config')).toEqual(['topics.json', 'topics.json.bak']);
  });

  it('is read as the original writes it, with numbers as keys', async () => {
    files.put(PATH, Buffer.from('{"offsetTable":{"TopicA@group":{0:5,1:7}}}'));
    expect(JSON.stringify(await file.read())).toBe(
      '{"offsetTable":{"TopicA@group":{"0":5,"1":7}}}',
    );
  });

  it.each(['', '   ', '{"version":', 'garbage', '\0\0\0\0'])(
    'that is half-written (%j) is read from its backup',
    async (broken) => {
      await file.write({ version: 1 });
      await file.write({ version: 2 });
      files.put(PATH, Buffer.from(broken));
      expect(await file.read()).toEqual({ version: 1 });
      // A crash between the two renames of the next write finds the good version still there.
      await file.write({ version: 3 });
      expect(JSON.parse(text(`${PATH}.bak`))).toEqual({ version: 1 });
      await file.write({ version: 4 });
      expect(JSON.parse(text(`${PATH}.bak`))).toEqual({ version: 3 });
    },
  );

  it('that is gone is read from its backup: a crash came between the two renames', async () => {
    await file.write({ version: 1 });
    await file.write({ version: 2 });
    files.remove(PATH);
    expect(await file.read()).toEqual({ version: 1 });
  });

  it('that cannot be parsed, nor its backup, is an error and not an empty start', async () => {
    files.put(PATH, Buffer.from('{'));
    files.put(`${PATH}.bak`, Buffer.from('['));
    expect(await failure(file.read())).toMatchObject({
      code: 'STORE_FAILED',
      details: { path: PATH },
    });
    expect(logger.messages('error')).toHaveLength(2);
  });

  it('never replaces a backup by an empty file', async () => {
    await file.write({ version: 1 });
    await file.write({ version: 2 });
    files.put(PATH, Buffer.alloc(0));
    await file.write({ version: 3 });
    expect(JSON.parse(text(`${PATH}.bak`))).toEqual({ version: 1 });
  });

  it('is written once for changes that come while it is written, with the newest', async () => {
    await file.write({ version: 0 });
    const before = files.count('datasync');
    const release = files.holdSyncs();
    const first = file.write({ version: 1 });
    await settle();
    const later = [2, 3, 4].map((version) => file.write({ version }));
    release();
    await Promise.all([first, ...later]);
    expect(files.count('datasync') - before).toBe(2);
    expect(await file.read()).toEqual({ version: 4 });
  });

  it('takes the value that comes just as a write ends', async () => {
    // The end of a write is a few microtasks long; the next value may come between any two of them.
    for (let microtasks = 0; microtasks < 12; microtasks++) {
      let end = (): void => undefined;
      const lastStep = new Promise<void>((resolve) => {
        end = resolve;
      });
      const sync = jest.spyOn(files, 'syncDirectory').mockReturnValueOnce(lastStep);
      const first = file.write({ version: 'first', microtasks });
      await until(() => sync.mock.calls.length === 1);
      end();
      for (let count = 0; count < microtasks; count++) await Promise.resolve();
      await file.write({ version: 'second', microtasks });
      expect(JSON.parse(text(PATH))).toEqual({ version: 'second', microtasks });
      await first;
      sync.mockRestore();
    }
  });

  it('is acknowledged although more and more is written behind it', async () => {
    const others: Promise<void>[] = [];
    const mine = file.write('mine').then(() => 'written');
    let outcome = 'waiting';
    while (outcome === 'waiting' && others.length < 1000) {
      others.push(file.write(others.length));
      outcome = await Promise.race([mine, settle(1).then(() => 'waiting')]);
    }
    expect(outcome).toBe('written');
    await Promise.all(others);
  });

  it.each(['write', 'datasync', 'syncDirectory'] as const)(
    'keeps the old content when %s fails, and takes the next',
    async (operation) => {
      await file.write({ version: 1 });
      files.failNext(operation, { code: 'ENOSPC' });
      await expect(file.write({ version: 2 })).rejects.toThrow('ENOSPC');
      expect(await file.read()).toEqual({ version: operation === 'syncDirectory' ? 2 : 1 });
      await file.write({ version: 3 });
      expect(await file.read()).toEqual({ version: 3 });
    },
  );

  it('is whole, old or new, after a power cut at any moment', async () => {
    for (let seed = 1; seed <= 200; seed++) {
      files = new FaultyFiles(seed);
      file = new JsonConfigFile(PATH, files, logger);
      const content = (version: number): unknown => ({ version, filler: 'x'.repeat(9000) });
      await file.write(content(1));
      await file.write(content(2));
      const cut = file.write(content(3)).catch(() => undefined);
      await settle(seed % 4);
      files.cutPower();
      await cut;
      const { version } = (await new JsonConfigFile(PATH, files, logger).read()) as {
        version: number;
      };
      expect([1, 2, 3]).toContain(version);
    }
  });
});
