import { describe, expect, it } from '@jest/globals';
import { decodeBatchBody, encodeBatchBody } from '../../../mq/protocol/batch-body.ts';
import {
  decodeClientConfigBody,
  encodeClientConfigBody,
} from '../../../mq/protocol/client-config.ts';
import { decodeConsumerList, encodeConsumerList } from '../../../mq/protocol/consumer-list.ts';
import {
  decodeFrame,
  encodeFrame,
  isOneway,
  isResponse,
  SerializeType,
  type RemotingCommand,
} from '../../../mq/protocol/frame.ts';
import { FrameDecoder } from '../../../mq/protocol/frame-decoder.ts';
import { decodeHeartbeat, encodeHeartbeat } from '../../../mq/protocol/heartbeat.ts';
import {
  decodeLockBatchBody,
  decodeLockedQueues,
  encodeLockBatchBody,
  encodeLockedQueues,
} from '../../../mq/protocol/lock-batch.ts';
import {
  bodyCrc,
  decodeRecord,
  decodeRecords,
  encodeRecord,
  readRecordHeader,
  type MessageExt,
} from '../../../mq/protocol/message.ts';
import { parseOffsetMsgId } from '../../../mq/protocol/message-id.ts';
import { decodeProperties, encodeProperties } from '../../../mq/protocol/properties.ts';
import { RequestCode } from '../../../mq/protocol/request-code.ts';
import { ResponseCode } from '../../../mq/protocol/response-code.ts';
import {
  decodeClusterInfo,
  decodeTopicRoute,
  encodeClusterInfo,
  encodeTopicRoute,
} from '../../../mq/protocol/route.ts';
import {
  decodeSubscriptionGroup,
  decodeSubscriptionGroupTable,
  encodeSubscriptionGroup,
  encodeSubscriptionGroupTable,
} from '../../../mq/protocol/subscription-group.ts';
import {
  decodeRegisterBrokerBody,
  encodeRegisterBrokerBody,
} from '../../../mq/protocol/topic-config.ts';
import { decodeTopicList, encodeTopicList } from '../../../mq/protocol/topic-list.ts';
import { capturedFrames, type CapturedFrame } from '../../support/captured-frames.ts';
import { plainCommand } from '../../support/plain-command.ts';
import { definitions, withoutFieldsOfNoConcern } from './definitions.ts';

const frames = capturedFrames();

function select(kind: CapturedFrame['kind'], code: number, status?: number): CapturedFrame[] {
  return frames.filter(
    (frame) => frame.kind === kind && frame.requestCode === code && frame.status === status,
  );
}

function bodiesOf(selected: readonly CapturedFrame[]): Buffer[] {
  return selected.flatMap(({ bytes }) => decodeFrame(bytes).body ?? []);
}

describe('frames recorded between official Java peers', () => {
  it('are all here', () => {
    expect(frames.length).toBe(339);
    const binary = frames.filter(({ bytes }) => bytes[4] === SerializeType.ROCKETMQ);
    expect(binary.length).toBe(57);
  });

  it('decode to what their titles say', () => {
    for (const { bytes, kind, requestCode, status, where } of frames) {
      const command = decodeFrame(bytes);
      const code = kind === 'request' ? requestCode : status;
      expect({ where, code: command.code, isResponse: isResponse(command) }).toEqual({
        where,
        code,
        isResponse: kind === 'response',
      });
      expect(command.version).toBe(409);
      expect(command.language).toBe('JAVA');
    }
  });

  // A header is canonical when its members are in FastJSON's alphabetical order, absent members are left out and
  // nothing is escaped that need not be; the order inside extFields is that of a Java HashMap, so it is whatever
  // the sender had, and decoding keeps it. A binary header has no freedom but the order of its fields.
  it('encode back to the very same bytes: every one of them is canonical', () => {
    const different = frames.filter(({ bytes }) => !encodeFrame(decodeFrame(bytes)).equals(bytes));
    expect(different.map(({ where }) => where)).toEqual([]);
  });

  it('come out of a stream whole, glued together, and byte by byte', () => {
    const expected = frames.map(({ bytes }) => plainCommand(decodeFrame(bytes)));
    const glued = Buffer.concat(frames.map(({ bytes }) => bytes));
    expect(new FrameDecoder().push(glued).map(plainCommand)).toEqual(expected);

    const decoder = new FrameDecoder();
    const trickled: RemotingCommand[] = [];
    for (let at = 0; at < glued.length; at++) {
      trickled.push(...decoder.push(glued.subarray(at, at + 1)).map(plainCommand));
    }
    expect(trickled).toEqual(expected);
    expect(decoder.isMidFrame).toBe(false);
  });
});

describe('request headers recorded between official Java peers', () => {
  it('decode with their definition and encode back to the fields that were sent', () => {
    for (const { bytes, requestCode, where } of frames.filter(({ kind }) => kind === 'request')) {
      const definition = definitions.get(requestCode!);
      if (definition === undefined) continue;
      const { extFields } = decodeFrame(bytes);
      const again = definition.encodeRequest(definition.decodeRequest(extFields));
      expect({ where, ext: withoutFieldsOfNoConcern(again) }).toEqual({
        where,
        ext: withoutFieldsOfNoConcern(extFields),
      });
    }
  });

  it('have a definition, but for administration', () => {
    const codes = frames
      .filter(({ kind }) => kind === 'request')
      .map((frame) => frame.requestCode!);
    const undefinedCodes = [...new Set(codes)].filter((code) => !definitions.has(code));
    expect(undefinedCodes.toSorted((left, right) => left - right)).toEqual([
      25, 26, 315, 317, 319, 321,
    ]);
  });

  it('have no extFields at all when the request has no fields', () => {
    const heartbeats = select('request', RequestCode.HEART_BEAT).map(({ bytes }) =>
      decodeFrame(bytes),
    );
    expect(heartbeats).toHaveLength(12);
    for (const heartbeat of heartbeats) expect(heartbeat.extFields).toBeUndefined();
  });

  it('are oneway for offsets that a running consumer commits', () => {
    const commits = select('request', RequestCode.UPDATE_CONSUMER_OFFSET);
    expect(commits.filter(({ bytes }) => isOneway(decodeFrame(bytes)))).toHaveLength(8);
  });
});

describe('response headers recorded between official Java peers', () => {
  const withAllFields = new Map<number, readonly number[]>([
    [RequestCode.PULL_MESSAGE, [ResponseCode.SUCCESS, 19, 20, 21]],
  ]);

  it('decode with their definition and encode back to the fields that were sent', () => {
    let count = 0;
    for (const { bytes, requestCode, status, where } of frames) {
      const definition = status === undefined ? undefined : definitions.get(requestCode ?? -1);
      const statuses = withAllFields.get(requestCode ?? -1) ?? [ResponseCode.SUCCESS];
      if (definition === undefined || !statuses.includes(status!)) continue;
      const { extFields } = decodeFrame(bytes);
      const again = definition.encodeResponse(definition.decodeResponse(extFields));
      expect({ where, ext: again ?? {} }).toEqual({ where, ext: { ...extFields } });
      count += 1;
    }
    expect(count).toBe(151);
  });
});

describe('bodies recorded between official Java peers', () => {
  const kinds: [string, Buffer[], (body: Buffer) => Buffer][] = [
    [
      'topic routes',
      bodiesOf(select('response', RequestCode.GET_ROUTEINFO_BY_TOPIC, 0)),
      (body) => encodeTopicRoute(decodeTopicRoute(body)),
    ],
    [
      'heartbeats',
      bodiesOf(select('request', RequestCode.HEART_BEAT)),
      (body) => encodeHeartbeat(decodeHeartbeat(body)),
    ],
    [
      'broker registrations',
      bodiesOf(select('request', RequestCode.REGISTER_BROKER)),
      (body) => encodeRegisterBrokerBody(decodeRegisterBrokerBody(body)),
    ],
    [
      'consumer lists',
      bodiesOf(select('response', RequestCode.GET_CONSUMER_LIST_BY_GROUP, 0)),
      (body) => encodeConsumerList(decodeConsumerList(body)),
    ],
    [
      'group settings',
      bodiesOf(select('request', RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP)),
      (body) => encodeSubscriptionGroup(decodeSubscriptionGroup(body)),
    ],
    [
      'group tables',
      bodiesOf(select('response', RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG, 0)),
      (body) => encodeSubscriptionGroupTable(decodeSubscriptionGroupTable(body)),
    ],
    [
      'topic lists',
      bodiesOf(select('response', RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER, 0)),
      (body) => encodeTopicList(decodeTopicList(body)),
    ],
    [
      'lock requests',
      bodiesOf(select('request', RequestCode.LOCK_BATCH_MQ)),
      (body) => encodeLockBatchBody(decodeLockBatchBody(body)),
    ],
    [
      'unlock requests',
      bodiesOf(select('request', RequestCode.UNLOCK_BATCH_MQ)),
      (body) => encodeLockBatchBody(decodeLockBatchBody(body)),
    ],
    [
      'lock replies',
      bodiesOf(select('response', RequestCode.LOCK_BATCH_MQ, 0)),
      (body) => encodeLockedQueues(decodeLockedQueues(body)),
    ],
    [
      'subscription checks',
      bodiesOf(select('request', RequestCode.CHECK_CLIENT_CONFIG)),
      (body) => encodeClientConfigBody(decodeClientConfigBody(body)),
    ],
    [
      'batches',
      bodiesOf(select('request', RequestCode.SEND_BATCH_MESSAGE)),
      (body) => encodeBatchBody(decodeBatchBody(body)),
    ],
  ];

  it.each(kinds)('%s decode and encode back to the same text', (_, bodies, roundTrip) => {
    expect(bodies.length).toBeGreaterThan(0);
    for (const body of bodies) expect(roundTrip(body).toString()).toBe(body.toString());
  });

  it('cluster info reads with its unquoted broker ids, which we write quoted', () => {
    const bodies = bodiesOf(select('response', RequestCode.GET_BROKER_CLUSTER_INFO, 0));
    expect(bodies).toHaveLength(2);
    for (const body of bodies) {
      const info = decodeClusterInfo(body);
      expect(info.brokerAddrTable.get('broker-a')!.brokerAddrs).toEqual(
        new Map([[0, '127.0.0.1:20911']]),
      );
      expect(info.clusterAddrTable).toEqual(new Map([['DefaultCluster', ['broker-a']]]));
      const quoted = body.toString().replace('{0:', '{"0":');
      expect(encodeClusterInfo(info).toString()).toBe(quoted);
    }
  });

  it('a registration carries the CRC of its body', () => {
    for (const { bytes } of select('request', RequestCode.REGISTER_BROKER)) {
      const { body, extFields } = decodeFrame(bytes);
      expect(extFields!['bodyCrc32']).toBe(String(bodyCrc(body!)));
    }
  });
});

describe('message records recorded between official Java peers', () => {
  const bodies = [
    ...bodiesOf(select('response', RequestCode.PULL_MESSAGE, 0)),
    ...bodiesOf(select('response', 12, 0)),
    ...bodiesOf(select('request', 39)),
  ];
  const records = bodies.flatMap((body) => {
    const found: { bytes: Buffer; message: MessageExt; propertiesString: string }[] = [];
    for (let at = 0; at < body.length;) {
      const { propertiesAt, propertiesBytes, totalSize } = readRecordHeader(body, at);
      const end = propertiesAt + propertiesBytes;
      found.push({
        bytes: body.subarray(at, at + totalSize),
        message: decodeRecord(body, at),
        propertiesString: body.toString('utf8', propertiesAt, end),
      });
      at += totalSize;
    }
    return found;
  });

  it('are all found, and their CRC is verified', () => {
    expect(bodies.map((body) => decodeRecords(body).length)).toHaveLength(bodies.length);
    expect(records.length).toBe(42);
    for (const { message } of records) expect(bodyCrc(message.body)).toBe(message.bodyCrc);
  });

  it('encode back to the very same bytes', () => {
    for (const { bytes, message, propertiesString } of records) {
      expect(encodeRecord({ ...message, propertiesString }).equals(bytes)).toBe(true);
    }
  });

  // The 4.9 broker appends WAIT=true to a batch message whose properties already have it.
  it('keep their properties string when decoded to a map, except where a name occurs twice', () => {
    const changed = records.filter(
      ({ message, propertiesString }) => encodeProperties(message.properties) !== propertiesString,
    );
    for (const { message, propertiesString } of changed) {
      expect(propertiesString.match(/WAIT/g)).toHaveLength(2);
      expect(encodeProperties(decodeProperties(propertiesString))).toBe(
        encodeProperties(message.properties),
      );
    }
    expect(changed.length).toBe(9);
  });

  it('name the store host and place that their offsetMsgId encodes', () => {
    for (const { message } of records) {
      expect(parseOffsetMsgId(message.offsetMsgId)).toEqual({
        host: message.storeHost,
        commitLogOffset: message.commitLogOffset,
      });
      expect(message.msgId).toBe(message.properties.get('UNIQ_KEY'));
    }
  });
});
