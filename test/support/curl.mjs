// What of curl the documents use, for machines that have Node and nothing else: `-s`, `-N`, `-X`, `-H` and `-d`. Ends with 22,
// as `curl --fail-with-body`, when the answer is an error.
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    silent: { type: 'boolean', short: 's' },
    'no-buffer': { type: 'boolean', short: 'N' },
    request: { type: 'string', short: 'X', default: 'GET' },
    header: { type: 'string', short: 'H', multiple: true, default: [] },
    data: { type: 'string', short: 'd' },
  },
});
const headers = values.header.map((line) => line.split(/: */, 2));
const [address = ''] = positionals;
const response = await fetch(address.startsWith('http') ? address : `http://${address}`, {
  method: values.request,
  headers: Object.fromEntries(headers),
  body: values.data,
  signal: AbortSignal.timeout(20_000),
});
for await (const chunk of response.body) process.stdout.write(chunk);
process.exitCode = response.ok ? 0 : 22;
