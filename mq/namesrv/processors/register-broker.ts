import { encodeKvTable } from '../../protocol/kv-table.ts';
import { MqError } from '../../errors.ts';
import { parseHostPort } from '../../protocol/host-address.ts';
import { bodyCrc } from '../../protocol/message.ts';
import { registerBroker } from '../../protocol/requests/register-broker.ts';
import { ResponseCode } from '../../protocol/response-code.ts';
import { decodeRegisterBrokerBody } from '../../protocol/topic-config.ts';
import type { Processor } from '../../remoting/processor.ts';
import { ORDER_TOPIC_CONFIG, type NameServerContext } from '../name-server-context.ts';

/** REGISTER_BROKER: takes over a broker's address and, from a master, its topics. */
export function registerBrokerProcessor({
  config,
  routes,
  kv,
  clock,
  logger,
}: NameServerContext): Processor {
  return (request, connection) => {
    const header = registerBroker.decodeRequest(request.extFields);
    const { brokerName, brokerAddr, clusterName, brokerId } = header;
    parseHostPort(brokerAddr);
    assertCrc(request.body, header.bodyCrc32 ?? 0);
    const body = decodeRegisterBrokerBody(request.body, { compressed: header.compressed ?? false });
    const outcome = routes.register(
      {
        clusterName,
        brokerName,
        brokerId,
        brokerAddr,
        haServerAddr: header.haServerAddr,
        table: body,
        isWholeTable: header.wholeTable ?? false,
        channelId: connection.id,
        expiryMs: header.heartbeatTimeoutMillis ?? config.brokerExpiryMs,
      },
      clock.monotonicMs(),
    );
    const identity = { brokerName, brokerId, brokerAddr, clusterName };
    if (outcome.isNew) {
      logger.info('broker registered', { ...identity, topics: body.topicConfigTable.size });
    }
    for (const displaced of outcome.displaced) {
      logger.warn('broker displaced: same address or same identity', { displaced, by: identity });
    }
    const orderTopics = kv.namespace(ORDER_TOPIC_CONFIG);
    return {
      code: ResponseCode.SUCCESS,
      extFields: registerBroker.encodeResponse({
        haServerAddr: outcome.master?.haServerAddr,
        masterAddr: outcome.master?.brokerAddr,
      }),
      body: orderTopics && encodeKvTable(orderTopics),
    };
  };
}

function assertCrc(body: Buffer | undefined, declared: number): void {
  if (declared === 0) return;
  const actual = bodyCrc(body ?? Buffer.alloc(0));
  if (actual === declared) return;
  throw new MqError(
    'SYSTEM_ERROR',
    `body CRC ${actual} differs from bodyCrc32 ${declared}: damaged on the way`,
    { details: { actual, declared } },
  );
}
