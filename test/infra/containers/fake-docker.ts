import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

/** A `docker` of the test's own, first on the path of what this process starts. */
export class FakeDocker {
  readonly dir: string;
  readonly #path = process.env['PATH'];

  private constructor(dir: string) {
    this.dir = dir;
    process.env['PATH'] = `${dir}${delimiter}${this.#path}`;
  }

  static async install(): Promise<FakeDocker> {
    return new FakeDocker(await mkdtemp(join(tmpdir(), 'millrace-docker-')));
  }

  /** What it does from now on, in the language of the shell. */
  async does(script: string): Promise<void> {
    const docker = join(this.dir, 'docker');
    await writeFile(docker, `#!/bin/bash\n${script}\n`);
    await chmod(docker, 0o755);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.env['PATH'] = this.#path;
    await rm(this.dir, { recursive: true });
  }
}
