import { commands } from './commands.ts';
import { Stage } from './stage.ts';

interface Line {
  number: number;
  text: string;
}

export interface Transcript {
  file: string;
  /** Its first comment. */
  title: string;
  lines: Line[];
}

/** A transcript is lines of commands; `#` begins a comment. Errors: one without a title, a line that is no command. */
export function parseTranscript(file: string, source: string): Transcript {
  const all = source.split('\n').map((text, index) => ({ number: index + 1, text: text.trim() }));
  const title = all
    .find(({ text }) => text.startsWith('#'))
    ?.text.slice(1)
    .trim();
  if (title === undefined) throw new Error(`${file} has no title`);
  const lines = all
    .map(({ number, text }) => ({ number, text: text.replace(/(?:^|\s)#.*$/, '').trim() }))
    .filter(({ text }) => text !== '');
  for (const line of lines) {
    if (!commands.some(({ pattern }) => pattern.test(line.text))) {
      const known = commands.map(({ usage }) => usage).join('\n  ');
      throw new Error(`${file}:${line.number}: ${line.text}\nis none of\n  ${known}`);
    }
  }
  return { file, title, lines };
}

/** Errors: the first line that does not come true, with what was there instead. */
export async function replay({ file, lines }: Transcript): Promise<void> {
  await using stage = await Stage.set();
  for (const line of lines) await replayLine(stage, file, line);
}

async function replayLine(stage: Stage, file: string, { number, text }: Line): Promise<void> {
  const command = commands.find(({ pattern }) => pattern.test(text))!;
  try {
    await command.run(stage, { ...command.pattern.exec(text)!.groups });
    await stage.world.rest();
    stage.assertNothingFailed();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${file}:${number}: ${text}\n${reason}`, { cause });
  }
}
