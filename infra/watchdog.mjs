// Ends what the runner started when the runner itself was killed and could not.
//
// The runner (processes.ts) writes one line for each thing it starts and ends: "+group 123", "-group 123",
// "+container name", "-container name". The pipe closes when the runner is gone, however it went, even by kill -9.
// Whatever is still on the list then gets SIGTERM, and SIGKILL five seconds later.
import { spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';

const graceMs = 5_000;
const running = { group: new Set(), container: new Set() };

// Ctrl-C and a closing terminal are the runner's to handle; this process outlives it by a moment.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => undefined);

for await (const line of createInterface({ input: process.stdin })) {
  const [verb, name] = line.split(' ');
  const set = running[verb.slice(1)];
  if (verb.startsWith('+')) set.add(name);
  else set.delete(name);
}

function signalAll(signal) {
  for (const group of running.group) {
    try {
      process.kill(-Number(group), signal);
    } catch (error) {
      if (error.code !== 'ESRCH') throw error;
      running.group.delete(group);
    }
  }
}

signalAll('SIGTERM');
for (const name of running.container) spawnSync('docker', ['rm', '--force', name]);
const deadline = performance.now() + graceMs;
while (running.group.size > 0 && performance.now() < deadline) {
  await delay(100);
  signalAll(0);
}
signalAll('SIGKILL');
