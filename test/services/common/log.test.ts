import { describe, expect, it } from '@jest/globals';
import { recordingLog } from '../recording-log.ts';

describe('Log', () => {
  it('writes one JSON object a line with the fields it was given', () => {
    const { log, lines } = recordingLog();
    log.with({ orderNo: '4711' }).info('message sent', { messageId: 'A1' });
    expect(lines()).toEqual([
      {
        level: 'info',
        time: expect.stringMatching(/Z$/),
        service: 'test',
        pid: process.pid,
        orderNo: '4711',
        messageId: 'A1',
        msg: 'message sent',
      },
    ]);
  });

  it('does not write the parameters a database error carries', () => {
    const { log, lines } = recordingLog();
    const cause = Object.assign(new Error('lost'), { code: 'ECONNRESET', parameters: ['secret'] });
    log.error('failed', { error: new Error('outer', { cause }) });
    expect(JSON.stringify(lines())).not.toContain('secret');
    expect(lines()).toMatchObject([
      { error: { message: 'outer', cause: { message: 'lost', code: 'ECONNRESET' } } },
    ]);
  });
});
