/** The process behind `npm run bench`. Brokers and generators are its children, and end with its process group. */
import { runBench } from '@millrace/loadtest';

process.exitCode = await runBench(process.argv.slice(2));
