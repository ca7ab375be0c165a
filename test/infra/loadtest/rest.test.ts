import { describe, expect, it } from '@jest/globals';
import type { AuditReport } from '../../../infra/audit/audit.ts';
import type { Finding } from '../../../infra/audit/finding.ts';
import { BacklogUnknown } from '../../../infra/loadtest/backlog.ts';
import { auditAtRest, untilDrained } from '../../../infra/loadtest/rest.ts';

const patient = { pollMs: 1, timeoutMs: 60_000 };
const impatient = { pollMs: 1, timeoutMs: -1 };

describe('untilDrained', () => {
  it('is sure when nothing waits twice in a row: a message may be between two groups', async () => {
    const sizes = [5, 0, 2, 0, 0, 9];
    const words: string[] = [];
    const read = async () => ({ lags: new Map([['g', sizes.shift()!]]), unsent: new Map() });
    expect(await untilDrained(read, (said) => words.push(said), patient)).toBe(true);
    expect(sizes).toEqual([9]);
    expect(words).toEqual(['g 5', 'nothing waits', 'g 2', 'nothing waits', 'nothing waits']);
  });

  it('goes on asking a service that is too busy to answer', async () => {
    const answers = [new BacklogUnknown('order does not tell'), undefined, undefined];
    const words: string[] = [];
    const read = async () => {
      const error = answers.shift();
      if (error !== undefined) throw error;
      return { lags: new Map<string, number>(), unsent: new Map<string, number>() };
    };
    expect(await untilDrained(read, (said) => words.push(said), patient)).toBe(true);
    expect(words).toEqual(['order does not tell', 'nothing waits', 'nothing waits']);
  });

  it('gives up when what waits does so for too long', async () => {
    const read = async () => ({ lags: new Map([['g', 1]]), unsent: new Map() });
    expect(await untilDrained(read, () => undefined, impatient)).toBe(false);
  });
});

describe('auditAtRest', () => {
  const finding: Finding = { orderNo: 'A', kind: 'lost', what: 'points' };
  const reportOf = (findings: readonly Finding[], underWay = 0): AuditReport => ({
    orders: 3,
    byStatus: {},
    underWay,
    sales: 0,
    tickets: 0,
    copy: undefined,
    findings,
  });
  const auditOf = (reports: AuditReport[]) => ({ ofAll: async () => reports.shift()! });
  const options = { graceMs: 0, openMs: 1, isOpenAwaited: false };

  it('asks again while something is missing, and is content when nothing is', async () => {
    const audit = auditOf([reportOf([finding]), reportOf([], 2), reportOf([])]);
    const report = await auditAtRest(audit, options, () => undefined, patient);
    expect(report).toMatchObject({ findings: [], underWay: 2 });
  });

  it('waits for orders that are to be closed soon', async () => {
    const audit = auditOf([reportOf([], 2), reportOf([])]);
    const awaited = { ...options, isOpenAwaited: true };
    expect(await auditAtRest(audit, awaited, () => undefined, patient)).toMatchObject({
      underWay: 0,
    });
  });

  it('tells what is wrong when it stays so', async () => {
    const audit = auditOf([reportOf([finding])]);
    const report = await auditAtRest(audit, options, () => undefined, impatient);
    expect(report.findings).toEqual([finding]);
  });
});
