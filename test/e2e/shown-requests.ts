import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { until } from '../support/deadline.ts';
import { TestProcess } from '../support/process.ts';

const root = resolve(import.meta.dirname, '..', '..');
const curl = resolve(root, 'test', 'support', 'curl.mjs');

/** The lines of the two examples in services/README.md that talk to a running demo, without those that are comments only. */
async function shownLines(): Promise<string[]> {
  const readme = await readFile(resolve(root, 'services', 'README.md'), 'utf8');
  const chapter = readme.split('\n## Try it\n')[1]!.split('\n## ')[0]!;
  const examples = Array.from(chapter.matchAll(/^```sh\n(.*?)^```$/gms), ([, text]) => text!);
  const lines = examples.slice(0, 2).join('').replaceAll('\\\n', '').split('\n');
  return lines.filter((line) => line.trim() !== '');
}

/** Names that the reader takes from an answer, `NO=…`, and where they are in it. */
const taken = {
  NO: /"orderNo":"([^"]+)"/,
  REFUND: /"refundNo":"([^"]+)"/,
  SHIPMENT: /"shipmentNo":"([^"]+)"/,
  SALE: /"saleId":"([^"]+)"/,
  TICKET: /"ticketNo":"([^"]+)"/,
} as const;

/** Where the demo says that it is: services by their usual ports, and the token of a customer. */
interface Demo {
  readonly stdout: string;
}

function portOf(demo: Demo, usual: string): string {
  const names = ['order', 'coupon', 'push', 'stock', 'payment', 'points', 'warehouse', 'refund'];
  const name = [...names, 'third-party', 'flashsale', 'sync'][Number(usual) - 3001];
  return new RegExp(`^  ${name} +http://127\\.0\\.0\\.1:(\\d+)/docs$`, 'm').exec(demo.stdout)![1]!;
}

/**
 * Types what services/README.md shows, line by line, into a shell. A line is typed again until its requests are answered well and its
 * answer has the word in capitals that its comment promises, `# PAID a moment later`; `paidAt` is as good, for PAID may be over by then.
 *
 * Returns the lines that asked for something. Errors: naming the line that was not answered so in time.
 */
export async function typeShownRequests(demo: Demo): Promise<string[]> {
  const token = /customer's token, for an hour: (\S+)/.exec(demo.stdout)![1]!;
  const setUp = ['set -e', `curl() { '${process.execPath}' '${curl}' "$@"; }`];
  const asked: string[] = [];
  const answers: string[] = [];
  for (const shown of await shownLines()) {
    const line = shown.replaceAll(
      /localhost:(\d+)/g,
      (_, port) => `127.0.0.1:${portOf(demo, port)}`,
    );
    const names = Array.from(line.matchAll(/\b([A-Z]+)=…/g), ([, name]) => name!);
    if (line.startsWith('TOKEN=')) setUp.push(`TOKEN=${token}`);
    else if (names.length > 0)
      setUp.push(...names.map((name) => `${name}=${found(name, answers)}`));
    else if (!/\b(?:curl|npm) /.test(line)) setUp.push(line);
    else {
      const wanted = new RegExp(/# ([A-Z]{4,})\b/.exec(line)?.[1] ?? '', 'i');
      answers.push(await answerTo([...setUp, line].join('\n'), wanted));
      asked.push(shown);
    }
  }
  return asked;
}

/** In the latest answer that has it. */
function found(name: string, answers: readonly string[]): string {
  const pattern = taken[name as keyof typeof taken];
  const answer = answers.findLast((text) => pattern.test(text));
  return pattern.exec(answer!)![1]!;
}

async function answerTo(script: string, wanted: RegExp): Promise<string> {
  return await until(
    async () => {
      await using shell = await TestProcess.start({
        command: 'bash',
        args: ['-c', script],
        cwd: root,
        env: { NODE_OPTIONS: undefined },
      });
      const answer = await shell.endedWell();
      return wanted.test(answer) ? answer : undefined;
    },
    { timeoutMs: 60_000, pollMs: 200, what: script.split('\n').at(-1)! },
  );
}
