import { describe, expect, it } from '@jest/globals';
import { NameServers } from '../../../mq/client/name-servers.ts';
import { MqError } from '../../../mq/errors.ts';

const down = new MqError('CONNECT_FAILED', 'down', { retriable: true });

describe('name servers', () => {
  it('stay with the one that answers', async () => {
    const servers = new NameServers('h:1;h:2; h:3 ;', 1);
    const asked: string[] = [];
    const ask = async (address: string): Promise<void> => void asked.push(address);
    await servers.ask(ask);
    await servers.ask(ask);
    expect(asked).toEqual(['h:2', 'h:2']);
  });

  it('are asked in turn when one is down, and the next is kept', async () => {
    const servers = new NameServers('h:1;h:2;h:3', 2);
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
    const servers = new NameServers('h:1;h:2');
    let askedCount = 0;
    const failing = servers.ask(async () => {
      askedCount++;
      throw down;
    });
    await expect(failing).rejects.toBe(down);
    expect(askedCount).toBe(2);
  });

  it('are not asked again for an answer that is the same everywhere', async () => {
    const servers = new NameServers('h:1;h:2');
    let askedCount = 0;
    const asking = servers.ask(async () => {
      askedCount++;
      throw new MqError('TOPIC_NOT_EXIST', 'no such topic', { retriable: true });
    });
    await expect(asking).rejects.toMatchObject({ code: 'TOPIC_NOT_EXIST' });
    expect(askedCount).toBe(1);
  });

  it('are refused with the part of the list that is wrong', () => {
    expect(() => new NameServers('h:1;nonsense')).toThrow(/"nonsense" is not host:port/);
    expect(() => new NameServers(' ; ')).toThrow(/namesrvAddr is empty/);
  });
});
