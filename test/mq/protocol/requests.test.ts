import { describe, expect, it } from '@jest/globals';
import { decodeFrame, encodeFrame, type ExtFields } from '../../../mq/protocol/frame.ts';
import { RequestCode, type RequestCodeName } from '../../../mq/protocol/request-code.ts';
import { sendMessage } from '../../../mq/protocol/requests/send-message.ts';
import { sendMessageV2 } from '../../../mq/protocol/requests/send-message-v2.ts';
import { readGoldens, type GoldenMaker } from '../../support/goldens.ts';
import { definitions, withoutFieldsOfNoConcern, type AnyDefinition } from './definitions.ts';

const makers: GoldenMaker[] = ['java-4.9.8', 'java-5.5.0'];
const encodings = ['JSON', 'ROCKETMQ'] as const;

/** What each header class of Java has and our definition leaves alone; nothing else may be left out. */
const unread: Partial<Record<RequestCodeName, readonly string[]>> = {
  PULL_MESSAGE: ['liteTopic', 'proxyFrowardClientId', 'requestSource'],
  LITE_PULL_MESSAGE: ['liteTopic', 'proxyFrowardClientId', 'requestSource'],
  UPDATE_AND_CREATE_TOPIC: ['force'],
  GET_ALL_TOPIC_CONFIG: ['dataVersion', 'maxTopicNum', 'topicSeq'],
  SEARCH_OFFSET_BY_TIMESTAMP: ['liteTopic'],
  GET_MAX_OFFSET: ['committed'],
  VIEW_MESSAGE_BY_ID: ['topic'],
  ACK_MESSAGE: ['liteTopic'],
  CHANGE_MESSAGE_INVISIBLETIME: ['liteTopic', 'suspend'],
  GET_ALL_SUBSCRIPTIONGROUP_CONFIG: ['dataVersion', 'groupSeq', 'maxGroupNum'],
};

const unreadInReplies: Partial<Record<RequestCodeName, readonly string[]>> = {
  SEND_MESSAGE: ['batchUniqId'],
  PULL_MESSAGE: ['forbiddenType', 'groupSysFlag', 'offsetDelta', 'topicSysFlag'],
};

/** Their header classes are not in 4.9. */
const since5: readonly RequestCodeName[] = [
  'GET_ALL_TOPIC_CONFIG',
  'GET_ALL_SUBSCRIPTIONGROUP_CONFIG',
  'GET_TOPIC_CONFIG',
  'GET_SUBSCRIPTIONGROUP_CONFIG',
  'RECALL_MESSAGE',
  'POP_MESSAGE',
  'ACK_MESSAGE',
  'PEEK_MESSAGE',
  'CHANGE_MESSAGE_INVISIBLETIME',
  'NOTIFICATION',
  'POLLING_INFO',
];
const withHeader: RequestCodeName[] = [
  'SEND_MESSAGE',
  'SEND_MESSAGE_V2',
  'SEND_BATCH_MESSAGE',
  'SEND_REPLY_MESSAGE',
  'SEND_REPLY_MESSAGE_V2',
  'PUSH_REPLY_MESSAGE_TO_CLIENT',
  'PULL_MESSAGE',
  'LITE_PULL_MESSAGE',
  'QUERY_MESSAGE',
  'QUERY_CONSUMER_OFFSET',
  'UPDATE_CONSUMER_OFFSET',
  'UPDATE_AND_CREATE_TOPIC',
  'GET_ALL_TOPIC_CONFIG',
  'SEARCH_OFFSET_BY_TIMESTAMP',
  'GET_MAX_OFFSET',
  'GET_MIN_OFFSET',
  'GET_EARLIEST_MSG_STORETIME',
  'VIEW_MESSAGE_BY_ID',
  'UNREGISTER_CLIENT',
  'CONSUMER_SEND_MSG_BACK',
  'END_TRANSACTION',
  'GET_CONSUMER_LIST_BY_GROUP',
  'CHECK_TRANSACTION_STATE',
  'NOTIFY_CONSUMER_IDS_CHANGED',
  'PUT_KV_CONFIG',
  'GET_KV_CONFIG',
  'DELETE_KV_CONFIG',
  'REGISTER_BROKER',
  'UNREGISTER_BROKER',
  'GET_ROUTEINFO_BY_TOPIC',
  'GET_ALL_SUBSCRIPTIONGROUP_CONFIG',
  'WIPE_WRITE_PERM_OF_BROKER',
  'GET_TOPIC_STATS_INFO',
  'GET_CONSUMER_CONNECTION_LIST',
  'GET_PRODUCER_CONNECTION_LIST',
  'DELETE_SUBSCRIPTIONGROUP',
  'GET_CONSUME_STATS',
  'DELETE_TOPIC_IN_BROKER',
  'DELETE_TOPIC_IN_NAMESRV',
  'GET_KVLIST_BY_NAMESPACE',
  'RESET_CONSUMER_CLIENT_OFFSET',
  'GET_CONSUMER_STATUS_FROM_CLIENT',
  'INVOKE_BROKER_TO_RESET_OFFSET',
  'INVOKE_BROKER_TO_GET_CONSUMER_STATUS',
  'GET_TOPICS_BY_CLUSTER',
  'QUERY_TOPIC_CONSUME_BY_WHO',
  'QUERY_CONSUME_TIME_SPAN',
  'GET_CONSUMER_RUNNING_INFO',
  'CONSUME_MESSAGE_DIRECTLY',
  'CLONE_GROUP_OFFSET',
  'QUERY_DATA_VERSION',
  'RESUME_CHECK_HALF_MESSAGE',
  'ADD_WRITE_PERM_OF_BROKER',
  'GET_TOPIC_CONFIG',
  'GET_SUBSCRIPTIONGROUP_CONFIG',
  'RECALL_MESSAGE',
  'POP_MESSAGE',
  'ACK_MESSAGE',
  'PEEK_MESSAGE',
  'CHANGE_MESSAGE_INVISIBLETIME',
  'NOTIFICATION',
  'POLLING_INFO',
];
const withReplyHeader: RequestCodeName[] = [
  'SEND_MESSAGE',
  'PULL_MESSAGE',
  'QUERY_MESSAGE',
  'QUERY_CONSUMER_OFFSET',
  'GET_ALL_TOPIC_CONFIG',
  'SEARCH_OFFSET_BY_TIMESTAMP',
  'GET_MAX_OFFSET',
  'GET_MIN_OFFSET',
  'GET_EARLIEST_MSG_STORETIME',
  'GET_KV_CONFIG',
  'REGISTER_BROKER',
  'GET_ALL_SUBSCRIPTIONGROUP_CONFIG',
  'WIPE_WRITE_PERM_OF_BROKER',
  'QUERY_DATA_VERSION',
  'ADD_WRITE_PERM_OF_BROKER',
  'RECALL_MESSAGE',
  'POP_MESSAGE',
  'PEEK_MESSAGE',
  'CHANGE_MESSAGE_INVISIBLETIME',
  'NOTIFICATION',
  'POLLING_INFO',
];
const withoutHeader: RequestCodeName[] = [
  'GET_FINDINGS',
  'HEART_BEAT',
  'LOCK_BATCH_MQ',
  'UNLOCK_BATCH_MQ',
  'CHECK_CLIENT_CONFIG',
  'GET_BROKER_RUNTIME_INFO',
  'GET_BROKER_CLUSTER_INFO',
  'GET_ALL_TOPIC_LIST_FROM_NAMESERVER',
  'UPDATE_AND_CREATE_SUBSCRIPTIONGROUP',
  'BATCH_ACK_MESSAGE',
  'QUERY_ASSIGNMENT',
  'SET_MESSAGE_REQUEST_MODE',
];

function definitionOf(name: RequestCodeName): AnyDefinition {
  return definitions.get(RequestCode[name])!;
}

/** The names in `ext` that did not survive, once the ones of no concern are put aside. */
function lostNames(ext: ExtFields | undefined, survived: ExtFields | undefined): string[] {
  const names = Object.keys(withoutFieldsOfNoConcern(ext));
  return names.filter((name) => survived?.[name] === undefined).toSorted();
}

describe.each(makers)('with every field that %s knows', (maker) => {
  const golden = readGoldens(maker);
  const known = (names: readonly RequestCodeName[]): RequestCodeName[] =>
    names.filter((name) => maker !== 'java-4.9.8' || !since5.includes(name));

  it.each(known(withHeader))('%s reads all that it should, and writes back the same', (name) => {
    for (const encoding of encodings) {
      const { extFields } = decodeFrame(golden(`${encoding} ${name}`));
      const definition = definitionOf(name);
      const again = definition.encodeRequest(definition.decodeRequest(extFields));
      expect(lostNames(extFields, again)).toEqual(
        (unread[name] ?? []).filter((field) => extFields?.[field] !== undefined),
      );
      expect(extFields).toMatchObject({ ...again });
    }
  });

  it.each(known(withReplyHeader))('the reply to %s reads all that it should', (name) => {
    for (const encoding of encodings) {
      const { extFields } = decodeFrame(golden(`${encoding} reply to ${name}`));
      const definition = definitionOf(name);
      const again = definition.encodeResponse(definition.decodeResponse(extFields));
      expect(lostNames(extFields, again)).toEqual(
        (unreadInReplies[name] ?? []).filter((field) => extFields?.[field] !== undefined),
      );
      expect(extFields).toMatchObject({ ...again });
    }
  });

  it('frames of both encodings encode back to the same bytes', () => {
    for (const encoding of encodings) {
      for (const name of known(withHeader)) {
        const frame = golden(`${encoding} ${name}`);
        expect(encodeFrame(decodeFrame(frame)).toString('latin1')).toBe(frame.toString('latin1'));
      }
    }
  });
});

describe('the three ways to send', () => {
  it('carry the same values: one-letter names exist on the wire only', () => {
    const golden = readGoldens('java-4.9.8');
    const long = sendMessage.decodeRequest(decodeFrame(golden('JSON SEND_MESSAGE')).extFields);
    const short = sendMessageV2.encodeRequest(long);
    expect(Object.keys(short!).toSorted()).toEqual('abcdefghijklmn'.split(''));
    expect(sendMessageV2.decodeRequest(short)).toEqual(long);
  });

  it('read a request without the batch flag as a single message', () => {
    const { extFields } = decodeFrame(readGoldens('java-4.9.8')('JSON SEND_MESSAGE_V2'));
    const { m: _, ...withoutBatch } = extFields!;
    expect(sendMessageV2.decodeRequest(withoutBatch).batch).toBeUndefined();
  });

  it('name a missing field by both its names', () => {
    const { extFields } = decodeFrame(readGoldens('java-4.9.8')('JSON SEND_MESSAGE_V2'));
    const { b: _, ...withoutTopic } = extFields!;
    expect(() => sendMessageV2.decodeRequest(withoutTopic)).toThrow(
      'SEND_MESSAGE_V2(310): required field topic (b) is missing',
    );
  });
});

describe('the list of requests', () => {
  it('has a definition for every request code', () => {
    const names = Object.keys(RequestCode) as RequestCodeName[];
    expect([...withHeader, ...withoutHeader].toSorted()).toEqual(names.toSorted());
    expect(new Set(definitions.keys())).toEqual(new Set<number>(Object.values(RequestCode)));
  });

  it.each(withoutHeader)('%s sends no extFields at all', (name) => {
    expect(definitionOf(name).encodeRequest({})).toBeUndefined();
    expect(definitionOf(name).decodeRequest({ bname: 'broker-a' })).toEqual({});
  });
});
