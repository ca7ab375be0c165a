import { MqError } from '../errors.ts';
import { checkClientConfig } from '../protocol/requests/check-client-config.ts';
import { encodeClientConfigBody } from '../protocol/client-config.ts';
import { getRouteinfoByTopic } from '../protocol/requests/get-routeinfo-by-topic.ts';
import { decodeTopicRoute } from '../protocol/route.ts';
import { isTagType, type SubscriptionData } from '../protocol/subscription.ts';
import type { MqClient } from './mq-client.ts';
import { inTime } from './pause.ts';
import { anyAddress } from './topic-queues.ts';

/** MQVersion ordinal of 4.1.0: brokers before it take an SQL92 expression for a tag that no message has. */
const FIRST_WITH_SQL = 232;

/** With these a broker says that it does not serve the expression; others, that it could not be asked. */
const refusals: ReadonlySet<string> = new Set([
  'SUBSCRIPTION_PARSE_FAILED',
  'SYSTEM_ERROR',
  'INVALID_PARAMETER',
  'REQUEST_CODE_NOT_SUPPORTED',
  'VERSION_NOT_SUPPORTED',
]);

/**
 * Asks the brokers of each topic whether they take what is wanted of it, for whatever is not by tags: a broker that does not
 * would be asked for messages in vain, for ever. What cannot be asked in time is no reason not to start.
 *
 * Errors: SUBSCRIPTION_PARSE_FAILED with the position; SYSTEM_ERROR from a broker whose enablePropertyFilter is false;
 *         VERSION_NOT_SUPPORTED, REQUEST_CODE_NOT_SUPPORTED from one before 4.1.
 */
export async function checkExpressions(
  client: MqClient,
  group: string,
  subscriptions: Iterable<SubscriptionData>,
): Promise<void> {
  const { clock, logger, requestTimeoutMs } = client.settings;
  const bySql = [...subscriptions].filter(({ expressionType }) => !isTagType(expressionType));
  if (bySql.length === 0) return;
  const checked = Promise.all(bySql.map((each) => checkOnBrokers(client, group, each)));
  const deadlineMs = clock.monotonicMs() + requestTimeoutMs;
  const late = (): MqError =>
    new MqError('REQUEST_TIMEOUT', `not answered within ${requestTimeoutMs} ms`);
  try {
    await inTime(clock, deadlineMs, checked, late);
  } catch (error) {
    if (!MqError.is(error) || refusals.has(error.code) || error.code === 'CLIENT_CLOSED')
      throw error;
    logger.warn('no broker has said whether it takes the SQL92 expressions', {
      consumerGroup: group,
      error: error.message,
    });
  }
}

/** Errors: VERSION_NOT_SUPPORTED when the broker is known to be too old for the subscription. */
export function assertServes(
  client: MqClient,
  address: string,
  { topic, expressionType }: SubscriptionData,
): void {
  if (isTagType(expressionType)) return;
  const version = client.versionOf(address);
  if (version === undefined || version >= FIRST_WITH_SQL) return;
  throw new MqError(
    'VERSION_NOT_SUPPORTED',
    `the broker at ${address} has version ${version}, and selecting messages of ${topic} by ${expressionType} needs ${FIRST_WITH_SQL}`,
    { details: { address, version, needed: FIRST_WITH_SQL } },
  );
}

/** Errors: what a broker says against the subscription; CLIENT_CLOSED, REQUEST_TIMEOUT when somebody could not be asked. */
async function checkOnBrokers(
  client: MqClient,
  group: string,
  subscription: SubscriptionData,
): Promise<void> {
  const addresses = await brokersOf(client, subscription.topic).catch(notAsked);
  const config = { clientId: client.clientId, group, subscriptionData: subscription };
  const body = encodeClientConfigBody(config);
  const outcomes = await Promise.allSettled(
    addresses.map(async (address) => {
      await client.call(address, checkClientConfig, {}, { body });
      assertServes(client, address, subscription);
    }),
  );
  const failures = outcomes.flatMap((outcome): unknown[] =>
    outcome.status === 'rejected' ? [outcome.reason] : [],
  );
  // One that is away must not hide what another says.
  const refusal = failures.find((error) => !MqError.is(error) || refusals.has(error.code));
  if (refusal !== undefined) throw refusal;
  if (failures.length > 0) notAsked(failures[0]);
}

async function brokersOf(client: MqClient, topic: string): Promise<string[]> {
  const { body } = await client.callNameServer(getRouteinfoByTopic, {
    topic,
    acceptStandardJsonOnly: true,
  });
  return decodeTopicRoute(body).brokerDatas.flatMap((broker) => anyAddress(broker) ?? []);
}

/** Whatever a name server says, it says nothing about the expression. */
function notAsked(cause: unknown): never {
  if (!MqError.is(cause) || cause.code === 'CLIENT_CLOSED') throw cause;
  throw new MqError('REQUEST_TIMEOUT', cause.message, { retriable: true, cause });
}
