import { MqError } from '../errors.ts';
import type { MessageModel } from './heartbeat.ts';
import { encodeJsonBody, JsonBody } from './json-body.ts';
import { messageQueueJson, readMessageQueue, type MessageQueue } from './message-queue.ts';

/** How a group consumes a topic: its members own queues and pull, or share queues and pop. */
export const messageRequestModes = ['PULL', 'POP'] as const;
export type MessageRequestMode = (typeof messageRequestModes)[number];

/** The body of SET_MESSAGE_REQUEST_MODE, and an entry of messageRequestMode.json. */
export interface RequestModeSetting {
  readonly topic: string;
  readonly consumerGroup: string;
  readonly mode: MessageRequestMode;
  /** Members, beside its owner, that pop a queue; 0 or less: every member pops every queue. */
  readonly popShareQueueNum: number;
}

/** The body of QUERY_ASSIGNMENT. */
export interface AssignmentQuery {
  readonly topic: string;
  readonly consumerGroup: string;
  readonly clientId: string;
  /** AVG or AVG_BY_CIRCLE. */
  readonly strategyName: string;
  readonly messageModel: MessageModel;
}

/** queueId is −1 for all queues of the broker. */
export interface QueueAssignment {
  readonly messageQueue: MessageQueue;
  readonly mode: MessageRequestMode;
}

export function encodeRequestMode(setting: RequestModeSetting): Buffer {
  const { consumerGroup, mode, popShareQueueNum, topic } = setting;
  return encodeJsonBody({ consumerGroup, mode, popShareQueueNum, topic });
}

/** Errors: INVALID_ARGUMENT naming the field. */
export function decodeRequestMode(body: Buffer | undefined): RequestModeSetting {
  const json = JsonBody.parse(body, 'SetMessageRequestModeRequestBody');
  return {
    topic: json.string('topic'),
    consumerGroup: json.string('consumerGroup'),
    mode: readMode(json.optionalString('mode') ?? 'PULL'),
    popShareQueueNum: json.integer('popShareQueueNum', 0),
  };
}

export function encodeAssignmentQuery(query: AssignmentQuery): Buffer {
  const { clientId, consumerGroup, messageModel, strategyName, topic } = query;
  return encodeJsonBody({ clientId, consumerGroup, messageModel, strategyName, topic });
}

/** Errors: INVALID_ARGUMENT naming the field. */
export function decodeAssignmentQuery(body: Buffer | undefined): AssignmentQuery {
  const json = JsonBody.parse(body, 'QueryAssignmentRequestBody');
  const messageModel = json.optionalString('messageModel') ?? 'CLUSTERING';
  if (messageModel !== 'CLUSTERING' && messageModel !== 'BROADCASTING') {
    throw new MqError(
      'INVALID_ARGUMENT',
      `QueryAssignmentRequestBody.messageModel is ${messageModel.slice(0, 40)}, not CLUSTERING or BROADCASTING`,
    );
  }
  return {
    topic: json.string('topic'),
    consumerGroup: json.string('consumerGroup'),
    clientId: json.string('clientId'),
    strategyName: json.string('strategyName'),
    messageModel,
  };
}

/** Undefined says that the broker cannot tell: the client keeps what it has. */
export function encodeAssignments(assignments: readonly QueueAssignment[] | undefined): Buffer {
  if (assignments === undefined) return encodeJsonBody({});
  return encodeJsonBody({
    messageQueueAssignments: assignments.map(({ messageQueue, mode }) => ({
      messageQueue: messageQueueJson(messageQueue),
      mode,
    })),
  });
}

/** Errors: INVALID_ARGUMENT naming the field. */
export function decodeAssignments(body: Buffer | undefined): QueueAssignment[] | undefined {
  const json = JsonBody.parse(body, 'QueryAssignmentResponseBody');
  if (!json.has('messageQueueAssignments')) return undefined;
  return json.objects('messageQueueAssignments').map((assignment) => ({
    messageQueue: readMessageQueue(assignment.object('messageQueue')),
    mode: readMode(assignment.optionalString('mode') ?? 'PULL'),
  }));
}

export function readMode(text: string): MessageRequestMode {
  const mode = messageRequestModes.find((each) => each === text);
  if (mode !== undefined) return mode;
  throw new MqError('INVALID_ARGUMENT', `mode is ${text.slice(0, 40)}, not PULL or POP`);
}
