// The door of the commands in commands/: `npm run demo`, `npm test` and so on.
//
// A bare clone has no node_modules and maybe the wrong Node, so this file uses no package and only syntax that
// Node 13 can parse: an old Node gets a sentence, not a SyntaxError. The work begins in prepare.mjs.
import process from 'process';

const needed = '20.19.0';

function isAtLeast(version, wanted) {
  const have = version.split('.').map(Number);
  const want = wanted.split('.').map(Number);
  for (let i = 0; i < want.length; i += 1) {
    if (have[i] !== want[i]) return have[i] > want[i];
  }
  return true;
}

if (isAtLeast(process.versions.node, needed)) {
  // Not caught: prepareAndRun reports its own errors, and Node reports a rejection and ends with code 1.
  void import('./prepare.mjs').then((module) => module.prepareAndRun(process.argv.slice(2)));
} else {
  console.error(
    'Millrace needs Node ' +
      needed +
      ' or newer; this is Node ' +
      process.versions.node +
      ' (' +
      process.execPath +
      '). Get a newer one at https://nodejs.org/ and run the same line again.',
  );
  process.exitCode = 1;
}
