import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

// The parser that the test runner itself is installed with.
const yaml = createRequire(import.meta.url)('js-yaml') as { load(text: string): unknown };

export function readYaml(path: string): unknown {
  return yaml.load(readFileSync(path, 'utf8'));
}
