// Makes a clone runnable (packages, build) and hands over to the compiled command. No package may be imported here.
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join, relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseCommandLine } from './command-line.mjs';
import { lockOwner, tryLock } from './lock-file.mjs';
import { endProgress, step } from './progress.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stateDir = join(root, '.millrace');

export async function prepareAndRun(argv) {
  const line = parseCommandLine(argv);
  if ('help' in line) {
    console.log(line.help);
    return;
  }
  if ('mistake' in line) {
    console.error(line.mistake);
    process.exitCode = 2;
    return;
  }
  try {
    if (process.platform === 'win32') {
      throw new Error('Millrace runs on Linux and macOS; on Windows, run it inside WSL.');
    }
    mkdirSync(join(stateDir, 'logs'), { recursive: true });
    if (line.options.loadtest?.json) talkOnStderr();
    console.log(`Millrace ${line.command}`);
    await installAndBuild();
    const { run } = await import(`./dist/commands/${line.command}.js`);
    const context = { options: line.options, root, step, endProgress, takeStateSlot, slotsInUse };
    const exitCode = await run(context);
    // Not left to Node: work that an interrupt has cut short may still wait for something that will never come.
    process.exit(exitCode);
  } catch (error) {
    console.error(`\n${error.message}`);
    process.exit(1);
  }
}

/** Steps, tables and what packages print: stdout is left to whoever writes to its descriptor. */
function talkOnStderr() {
  process.stdout.write = process.stderr.write.bind(process.stderr);
}

async function installAndBuild() {
  const release = await waitForLock(join(stateDir, 'build.lock'));
  try {
    await step('packages', async (say) => {
      const reason = whyInstall();
      if (reason === undefined) {
        say('installed');
        return;
      }
      say(`npm ci, because ${reason}`);
      // The compiler is a development dependency, needed under NODE_ENV=production too.
      await runLogged('npm-ci', 'npm', ['ci', '--include=dev', '--no-audit', '--no-fund']);
    });
    await step('build', async (say) => {
      // The build script of package.json, without the half second that npm itself takes to start.
      const { scripts } = readJson(join(root, 'package.json'));
      const [compiler, ...args] = scripts.build.split(' ');
      say(scripts.build);
      await runLogged('build', join(root, 'node_modules', '.bin', compiler), args);
    });
  } finally {
    release();
  }
}

/** Why node_modules does not hold what package-lock.json names; undefined when it does. */
function whyInstall() {
  const installed = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(installed)) return 'there is no node_modules';
  return whyOutdated(readJson(join(root, 'package-lock.json')), readJson(installed));
}

/**
 * Compares the lock file with npm's own record of what it installed.
 *
 * Contents, not file times: `npm install` writes the lock file after that record, and git checkouts touch both.
 */
export function whyOutdated(lock, installed) {
  for (const [path, wanted] of Object.entries(lock.packages)) {
    if (!path.includes('node_modules/')) continue;
    const found = installed.packages[path];
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    if (found === undefined) {
      // npm leaves out optional packages made for other systems.
      if (!wanted.optional && !wanted.devOptional && !wanted.peer)
        return `${name} is not installed`;
    } else if (found.version !== wanted.version) {
      return `${name} is ${found.version} and package-lock.json names ${wanted.version}`;
    }
  }
  return undefined;
}

function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}

/** Two commands in one clone must not install or build at the same time. */
async function waitForLock(path) {
  for (let announced = false; ;) {
    const release = tryLock(path);
    if (release !== undefined) return release;
    if (!announced) {
      console.log(
        `  … waiting for process ${lockOwner(path)}, which installs or builds in this clone`,
      );
      announced = true;
    }
    await delay(200);
  }
}

/**
 * Takes the first free folder .millrace/run-1, run-2 … for the databases, store and logs of one command, so that a
 * demo that stays up and `npm test` in another terminal do not meet. It keeps its data for the next command.
 */
function takeStateSlot() {
  for (let number = 1; ; number += 1) {
    const dir = join(stateDir, `run-${number}`);
    mkdirSync(dir, { recursive: true });
    const release = tryLock(join(dir, 'lock'));
    if (release !== undefined) return { number, dir, release };
  }
}

/** The folders that other commands have taken, each with the process that has it. */
function slotsInUse() {
  return readdirSync(stateDir)
    .filter((name) => name.startsWith('run-'))
    .map((name) => ({ dir: join(stateDir, name), pid: lockOwner(join(stateDir, name, 'lock')) }))
    .filter(({ pid }) => pid !== undefined);
}

/** Runs a command with its output in .millrace/logs; fails with the end of that output and the log's path. */
async function runLogged(name, command, args) {
  const logPath = join(stateDir, 'logs', `${name}.log`);
  const log = openSync(logPath, 'w');
  const outcome = await new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      stdio: ['ignore', log, log],
      env: { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}` },
    });
    child.on('error', (error) => resolve(error.message));
    child.on('exit', (code, signal) =>
      resolve(code === 0 ? undefined : `it ended with ${signal ?? `code ${code}`}`),
    );
  });
  closeSync(log);
  if (outcome === undefined) return;
  const lines = readFileSync(logPath, 'utf8').trimEnd().split('\n');
  // npm says what is wrong first and explains itself at length after; compilers end with their worst.
  const excerpt = lines.length <= 30 ? lines : [...lines.slice(0, 15), '…', ...lines.slice(-15)];
  throw new Error(
    `${excerpt.join('\n')}\n\n"${[command, ...args].join(' ')}" failed: ${outcome}. Log: ${relative(process.cwd(), logPath)}`,
  );
}
