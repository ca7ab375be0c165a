import { describe, expect, it } from '@jest/globals';
import { NameServers } from '../../../mq/client/name-servers.ts';
import { MqError } from '../../../mq/errors.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const clock = new FakeClock();
const down = new MqError('CONNECT_FAILED', 'down', { retriable: true });

describe('name servers', () => {
  it('stay with the one that answers', async () => {
    const servers = new NameServers('h:1;h:2; h:3 ;', clock, 1);
    const asked: string[] = [];
    const ask = async (address: string): Promise<void> => void asked.push(address);
    await servers.ask(ask);
    await servers.ask(ask);
    expect(asked).toEqual(['h:2', 'h:2']);
  });

  it('are asked in turn when one is down, and the next is kept', async () => {
    const servers = new NameServers('h:1;h:2;h:3', clock, 2);
    const asked: string[] = [];
    const ask = async (address: string): Promise<string> => {
      asked.push(address);
      if (address !== 'h:2') throw down;
      return address;
    };
    await expect(servers.ask(ask)).resolves.toBe('h:2');
    await servers.ask(ask);
    expect(asked).toEqual(['h:3', 'h:1', 'h:2', 'h:2']);
  });

  it('are each asked once when all are down', async () => {
    const servers = new NameServers('h:1;h:2', clock);
    let askedCount = 0;
    const failing = servers.ask(async () => {
      askedCount++;
      throw down;
    });
    await expect(failing).rejects.toBe(down);
    expect(askedCount).toBe(2);
  });

  it('are not asked again for an answer that is the same everywhere', async () => {
    const servers = new NameServers('h:1;h:2', clock);
    let askedCount = 0;
    const asking = servers.ask(async () => {
      askedCount++;
      throw new MqError('TOPIC_NOT_EXIST', 'no such topic', { retriable: true });
    });
    await expect(asking).rejects.toMatchObject({ code: 'TOPIC_NOT_EXIST' });
    expect(askedCount).toBe(1);
  });

  it('are asked in turn, one a question, while an answer is doubted', async () => {
    const servers = new NameServers('h:1;h:2;h:3', clock, 0);
    const asked: string[] = [];
    const denial = new MqError('TOPIC_NOT_EXIST', 'no such topic', { retriable: true });
    const ask = (): Promise<void> =>
      servers.ask(
        (address) => {
          asked.push(address);
          return Promise.reject(denial);
        },
        (error) => error === denial,
      );
    // Two that doubt the same answer skip nobody.
    const first = [ask(), ask()];
    for (const each of first) await expect(each).rejects.toBe(denial);
    await expect(ask()).rejects.toBe(denial);
    await expect(ask()).rejects.toBe(denial);
    expect(asked).toEqual(['h:1', 'h:1', 'h:2', 'h:3']);
  });

  it('are not waited for one by one when they are silent, and whoever answers is kept', async () => {
    const servers = new NameServers('h:1;h:2;h:3', clock, 0);
    const asked: string[] = [];
    const silent = new Set(['h:1', 'h:2']);
    const ask = (address: string): Promise<string> => {
      asked.push(address);
      return silent.has(address) ? new Promise(() => undefined) : Promise.resolve(address);
    };
    const answer = servers.ask(ask);
    await clock.advanceAndSettle(999);
    expect(asked).toEqual(['h:1']);
    await clock.advanceAndSettle(1_001);
    expect(asked).toEqual(['h:1', 'h:2', 'h:3']);
    await expect(answer).resolves.toBe('h:3');
    await expect(servers.ask(ask)).resolves.toBe('h:3');
    expect(asked).toHaveLength(4);
    expect(clock.pendingTimers).toBe(0);
  });

  it('that answer late are still heard, and what the others fail with then is of no concern', async () => {
    const servers = new NameServers('h:1,h:2', clock, 0);
    let answerLate = (_address: string): void => undefined;
    const answer = servers.ask((address) =>
      address === 'h:1' ? new Promise((resolve) => (answerLate = resolve)) : Promise.reject(down),
    );
    await clock.advanceAndSettle(1_000);
    answerLate('late');
    await expect(answer).resolves.toBe('late');
    expect(clock.pendingTimers).toBe(0);
  });

  it('are refused with the part of the list that is wrong', () => {
    expect(() => new NameServers('h:1;nonsense', clock)).toThrow(/"nonsense" is not host:port/);
    expect(() => new NameServers(' ; ', clock)).toThrow(/namesrvAddr is empty/);
  });
});
