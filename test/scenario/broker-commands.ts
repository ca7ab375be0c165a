import { RequestCode, type RequestCodeName } from '../../mq/protocol/request-code.ts';
import type { BrokerConfig } from '../../mq/server.ts';
import { parseDuration } from '../../mq/testkit/duration.ts';
import { bodies, command, same, settings, settingValue, type Command } from './command.ts';

/** Of name servers, brokers and time. */
export const brokerCommands: readonly Command[] = [
  command(
    'broker start <b> [<setting>=<value> …]',
    /^broker start (?<b>\w+)(?<settings>.*)$/,
    (stage, { b, settings }) => stage.addBroker(b!, brokerSettings(settings!)),
  ),
  command(
    'broker stop|kill|power-cut|restart <b>',
    /^broker (?<how>stop|kill|power-cut|restart) (?<b>\w+)$/,
    async (stage, { how, b }) => {
      const broker = stage.broker(b!);
      if (how === 'stop') await broker.stop();
      else if (how === 'restart') await broker.start();
      else await broker.kill(how === 'kill' ? 'kill' : 'power cut');
    },
  ),
  command(
    'broker restart <b> as <name>',
    /^broker restart (?<b>\w+) as (?<name>\w+)$/,
    async (stage, { b, name }) => {
      stage.broker(b!).rename(name!);
      await stage.broker(b!).start();
    },
  ),
  command(
    'nameserver start|kill|restart <n>',
    /^nameserver (?<how>start|kill|restart) (?<n>\w+)$/,
    async (stage, { how, n }) => {
      if (how === 'start') await stage.addNameServer(n!);
      else if (how === 'restart') await stage.nameServer(n!).start();
      else await stage.nameServer(n!).kill();
    },
  ),
  command(
    'broker|nameserver refuses|ignores|accepts <b>|<n> <REQUEST_CODE>',
    /^(?<kind>broker|nameserver) (?<how>refuses|ignores|accepts) (?<name>\w+) (?<code>[A-Z_0-9]+)$/,
    (stage, { kind, how, name, code }) => {
      if (!Object.hasOwn(RequestCode, code!)) throw new Error(`there is no request ${code}`);
      const server = kind === 'broker' ? stage.broker(name!) : stage.nameServer(name!);
      if (how === 'refuses') server.refusals.refuse(code as RequestCodeName);
      else if (how === 'ignores') server.refusals.ignore(code as RequestCodeName);
      else server.refusals.accept(code as RequestCodeName);
    },
  ),
  command(
    'broker delays <b> <REQUEST_CODE> <duration>',
    /^broker delays (?<b>\w+) (?<code>[A-Z_0-9]+) (?<time>\S+)$/,
    (stage, { b, code, time }) => {
      if (!Object.hasOwn(RequestCode, code!)) throw new Error(`there is no request ${code}`);
      stage.broker(b!).refusals.delay(code as RequestCodeName, parseDuration(time!));
    },
  ),
  command('advance <duration>', /^advance (?<time>\S+)$/, (stage, { time }) =>
    stage.world.advance(parseDuration(time!)),
  ),
  command(
    'wall clock jumps <duration> back|ahead',
    /^wall clock jumps (?<time>\S+) (?<way>back|ahead)$/,
    (stage, { time, way }) =>
      stage.world.clock.jumpWallClock(parseDuration(time!) * (way === 'back' ? -1 : 1)),
  ),
  command(
    'expect visible <T>: nothing | <m> … [in any order]',
    /^expect visible (?<topic>\S+): (?<names>.+?)(?<any> in any order)?$/,
    (stage, { topic, names, any }) =>
      same(
        stage,
        bodies(names!),
        async () => {
          const records = await stage.operator.visible(topic!);
          return records.map((record) => record.body.toString());
        },
        any !== undefined,
      ),
  ),
];

function brokerSettings(text: string): Partial<BrokerConfig> {
  const entries = settings(text).map(([name, value]) =>
    name === 'delays' ? ['messageDelayLevel', value] : [name, settingValue(value)],
  );
  return Object.fromEntries(entries) as Partial<BrokerConfig>;
}
