import { RequestCode, type RequestCodeName } from '../../mq/protocol/request-code.ts';
import type { BrokerConfig } from '../../mq/server.ts';
import { parseDuration } from '../../mq/testkit/duration.ts';
import { bodies, command, same, settings, settingValue, type Command } from './command.ts';

/** Of brokers, topics and time. */
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
    'broker refuses|accepts <b> <REQUEST_CODE>',
    /^broker (?<how>refuses|accepts) (?<b>\w+) (?<code>[A-Z_0-9]+)$/,
    (stage, { how, b, code }) => {
      if (!Object.hasOwn(RequestCode, code!)) throw new Error(`there is no request ${code}`);
      if (how === 'refuses') stage.broker(b!).refuse(code as RequestCodeName);
      else stage.broker(b!).accept(code as RequestCodeName);
    },
  ),
  command(
    'topic <T> [queues=<n>]',
    /^topic (?<topic>\w+)(?: queues=(?<queues>\d+))?$/,
    (stage, { topic, queues = '1' }) => stage.operator.createTopic(topic!, Number(queues)),
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
    'expect visible <T>: nothing | <m> …',
    /^expect visible (?<topic>\S+): (?<names>.+)$/,
    (stage, { topic, names }) =>
      same(stage, bodies(names!), async () => {
        const records = await stage.operator.visible(topic!);
        return records.map((record) => record.body.toString());
      }),
  ),
];

function brokerSettings(text: string): Partial<BrokerConfig> {
  const entries = settings(text).map(([name, value]) =>
    name === 'delays' ? ['messageDelayLevel', value] : [name, settingValue(value)],
  );
  return Object.fromEntries(entries) as Partial<BrokerConfig>;
}
