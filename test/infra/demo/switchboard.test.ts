import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Switchboard } from '../../../infra/demo/switchboard.ts';
import { Processes } from '../../../infra/processes.ts';

let done: string[];
let board: Switchboard;

const note = (what: string) => async (): Promise<void> => void done.push(what);
const couponGate = { close: note('gate closed'), reopen: note('gate open') };

beforeEach(async () => {
  done = [];
  board = await Switchboard.open({
    couponGate,
    killBroker: async () => {
      done.push('broker killed');
      return note('broker started');
    },
  });
});

afterEach(() => board.close());

function put(body: string, url = board.url): Promise<Response> {
  return fetch(`${url}/switches`, { method: 'PUT', body });
}

describe("the demo's switchboard", () => {
  it('leaves everything alone while the demo is at its own orders, and says so', async () => {
    const answer = await fetch(`${board.url}/switches`);
    expect(await answer.json()).toMatchObject({ couponDatabase: null, broker: null });
    const refused = await put('{"broker":"stopped"}');
    expect(refused.status).toBe(409);
    expect(await refused.json()).toMatchObject({ detail: expect.stringContaining('100 orders') });
    expect(done).toEqual([]);
  });

  it('stops and starts, each thing once however often it is asked', async () => {
    board.handOver();
    const wishes = ['stopped', 'stopped', 'running', 'running'];
    const states = await Promise.all(
      wishes.map(async (state) => (await put(`{"broker":"${state}"}`)).json()),
    );
    expect(states.map((state) => (state as { broker: string }).broker)).toEqual(wishes);
    expect(done).toEqual(['broker killed', 'broker started']);
    await put('{"couponDatabase":"stopped"}');
    expect(board.state()).toEqual({ couponDatabase: 'stopped', broker: 'running', reasons: {} });
  });

  it('says why, and stays stopped, when the broker does not start', async () => {
    board.close();
    board = await Switchboard.open({
      couponGate,
      killBroker: async () => () => Promise.reject(new Error('a log line\n\nbroker did not start')),
    });
    board.handOver();
    await put('{"broker":"stopped"}');
    const answer = await put('{"broker":"running"}');
    expect(answer.status).toBe(503);
    expect(await answer.json()).toEqual({ detail: 'broker did not start' });
    expect(board.state().broker).toBe('stopped');
  });

  it('has the demo go on when the broker does not start, and starts it once it can', async () => {
    board.close();
    const dir = await mkdtemp(join(tmpdir(), 'millrace-switchboard-'));
    const processes = new Processes(dir, resolve(import.meta.dirname, '..', '..', '..'));
    try {
      const broken = join(dir, 'broken');
      const code =
        `if (require('fs').existsSync(${JSON.stringify(broken)})) process.exit(3);` +
        "console.log('ready'); setInterval(() => undefined, 1e6);";
      const args = ['-e', code];
      const command = process.execPath;
      await processes.start({ name: 'broker', command, args, stopOrder: 1, ready: /ready/ });
      board = await Switchboard.open({ couponGate, killBroker: () => processes.kill('broker') });
      board.handOver();
      expect((await put('{"broker":"stopped"}')).status).toBe(200);
      await writeFile(broken, '');
      expect((await put('{"broker":"running"}')).status).toBe(503);
      await rm(broken);
      const demo = Promise.race([processes.failure, put('{"broker":"running"}')]);
      expect((await demo).status).toBe(200);
      expect(board.state().broker).toBe('running');
    } finally {
      await processes.stopAll();
      await rm(dir, { recursive: true });
    }
  });

  it('does not stop a broker that is not of the demo', async () => {
    board.close();
    board = await Switchboard.open({ couponGate, killBroker: undefined });
    board.handOver();
    expect(board.state()).toMatchObject({
      couponDatabase: 'running',
      broker: null,
      reasons: { broker: expect.stringContaining('NAMESRV_ADDR') },
    });
    expect((await put('{"broker":"stopped"}')).status).toBe(409);
  });

  it('hears only who knows the secret, and refuses what it does not know', async () => {
    board.handOver();
    const { origin } = new URL(board.url);
    expect((await put('{"broker":"stopped"}', `${origin}/${'0'.repeat(48)}`)).status).toBe(404);
    expect((await put('{"broker":"stopped"}', origin)).status).toBe(404);
    const both = '{"broker":"stopped","couponDatabase":"stopped"}';
    for (const body of ['', '[', '7', '{"stock":"stopped"}', '{"broker":"off"}', both]) {
      expect((await put(body)).status).toBe(400);
    }
    expect((await put(`{"broker":"${'x'.repeat(2_000)}"}`)).status).toBe(413);
    expect((await fetch(`${board.url}/switches`, { method: 'DELETE' })).status).toBe(405);
    expect(done).toEqual([]);
  });
});
