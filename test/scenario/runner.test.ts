import { describe, expect, it } from '@jest/globals';
import { parseTranscript, replay } from './runner.ts';

const run = (source: string): Promise<void> => replay(parseTranscript('t.txt', source));

const sent = `# A message
broker start b1
topic T
consumer c1 joins G on T
producer p1 joins P
producer p1 sends m1 to T
`;

describe('a transcript', () => {
  it('fails at the line that does not come true, and tells what was there instead', async () => {
    await expect(run(`${sent}expect c1 got nothing`)).rejects.toThrow(
      't.txt:7: expect c1 got nothing\ngot m1:0',
    );
    await expect(run(`${sent}expect visible T: m1 m1`)).rejects.toThrow(
      't.txt:7: expect visible T: m1 m1\ngot m1',
    );
  });

  it('fails at what should have been refused and was not', async () => {
    await expect(run(`${sent}producer p1 sends m2 to T fails MESSAGE_ILLEGAL`)).rejects.toThrow(
      't.txt:7: producer p1 sends m2 to T fails MESSAGE_ILLEGAL\nit failed with nothing',
    );
  });

  it('fails at a name that nobody has', async () => {
    await expect(run('# Nobody\nconsumer c9 leaves')).rejects.toThrow(
      't.txt:2: consumer c9 leaves\nthere is no consumer c9',
    );
  });

  it('may tell of several name servers, which all who begin later know', async () => {
    await run(`# Two\nnameserver start n2\nnameserver kill n1\n${sent}expect c1 got m1`);
    await expect(run(`${sent}nameserver start n2`)).rejects.toThrow('the operator would not know');
    await expect(run('# Two\nnameserver start n1')).rejects.toThrow('there is a name server n1');
  });

  it('may say what several consumers got together', async () => {
    await run(`${sent}consumer c2 joins G on T\nexpect c1,c2 got m1`);
    await expect(run(`${sent}consumer c2 joins G on T\nexpect c1,c2 got m2`)).rejects.toThrow(
      'got m1:0',
    );
  });

  it('that says what no command says is refused before anything happens', () => {
    expect(() => parseTranscript('t.txt', '# Typing\n\nbrocker start b1')).toThrow(
      /^t\.txt:3: brocker start b1\nis none of\n {2}broker start <b>/,
    );
  });

  it('needs a title', () => {
    expect(() => parseTranscript('t.txt', 'broker start b1')).toThrow('t.txt has no title');
  });
});
