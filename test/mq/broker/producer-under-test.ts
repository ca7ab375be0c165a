import type { RequestOf } from '../../../mq/protocol/define-request.ts';
import { requestCommand, type RemotingCommand } from '../../../mq/protocol/frame.ts';
import { encodeHeartbeat } from '../../../mq/protocol/heartbeat.ts';
import { decodeRecord, type MessageExt } from '../../../mq/protocol/message.ts';
import { RequestCode } from '../../../mq/protocol/request-code.ts';
import { checkTransactionState } from '../../../mq/protocol/requests/check-transaction-state.ts';
import {
  endTransaction,
  TransactionDecision,
} from '../../../mq/protocol/requests/end-transaction.ts';
import { sendMessageV2 } from '../../../mq/protocol/requests/send-message-v2.ts';
import { parseOffsetMsgId } from '../../../mq/protocol/message-id.ts';
import { RemotingClient } from '../../../mq/remoting/remoting-client.ts';
import { sendHeader, sendReply, type SendFields } from './broker-under-test.ts';

const TIMEOUT_MS = 10_000;

export interface ReceivedCheck {
  readonly header: RequestOf<typeof checkTransactionState>;
  readonly message: MessageExt;
}

/** Where a half message is, as the reply to its send says. */
export interface SentHalf {
  readonly halfOffset: number;
  readonly commitLogOffset: number;
}

export type EndFields = Partial<RequestOf<typeof endTransaction>>;

/** A transaction producer on a connection of its own, as frames: it records the checks it was sent. */
export class ProducerUnderTest {
  readonly checks: ReceivedCheck[] = [];
  readonly clientId: string;
  readonly #address: string;
  readonly #client: RemotingClient;

  constructor(address: string, clientId: string) {
    this.#address = address;
    this.clientId = clientId;
    this.#client = new RemotingClient({
      processors: new Map([
        [
          RequestCode.CHECK_TRANSACTION_STATE,
          (request: RemotingCommand) => {
            const header = checkTransactionState.decodeRequest(request.extFields);
            this.checks.push({ header, message: decodeRecord(request.body!) });
            return undefined;
          },
        ],
      ]),
    });
  }

  async heartbeat(group = 'pg'): Promise<void> {
    await this.request(
      RequestCode.HEART_BEAT,
      undefined,
      encodeHeartbeat({
        clientID: this.clientId,
        producerDataSet: [{ groupName: group }],
        consumerDataSet: [],
      }),
    );
  }

  sendHalf(fields: SendFields): Promise<RemotingCommand> {
    const { properties, ...rest } = fields;
    const half = { ...properties, TRAN_MSG: 'true', PGROUP: fields.producerGroup ?? 'pg' };
    const header = sendHeader({ sysFlag: 4, ...rest, properties: half });
    const body = Buffer.from(fields.body ?? 'hello');
    return this.request(sendMessageV2.code, sendMessageV2.encodeRequest(header), body);
  }

  async half(fields: SendFields): Promise<SentHalf> {
    const { msgId, queueOffset } = sendReply(await this.sendHalf(fields));
    return { halfOffset: queueOffset, commitLogOffset: parseOffsetMsgId(msgId).commitLogOffset };
  }

  end(half: SentHalf, fields: EndFields = {}): Promise<RemotingCommand> {
    return this.request(
      endTransaction.code,
      endTransaction.encodeRequest({
        producerGroup: 'pg',
        tranStateTableOffset: half.halfOffset,
        commitLogOffset: half.commitLogOffset,
        commitOrRollback: TransactionDecision.COMMIT,
        msgId: 'u',
        ...fields,
      }),
    );
  }

  commit(half: SentHalf): Promise<RemotingCommand> {
    return this.end(half);
  }

  rollback(half: SentHalf): Promise<RemotingCommand> {
    return this.end(half, { commitOrRollback: TransactionDecision.ROLLBACK });
  }

  answer({ header }: ReceivedCheck, commitOrRollback: number): Promise<RemotingCommand> {
    const { tranStateTableOffset: halfOffset, commitLogOffset } = header;
    return this.end(
      { halfOffset, commitLogOffset },
      { commitOrRollback, fromTransactionCheck: true },
    );
  }

  request(
    code: number,
    extFields?: RemotingCommand['extFields'],
    body?: Buffer,
  ): Promise<RemotingCommand> {
    const command = requestCommand({ code, extFields, body });
    return this.#client.request(this.#address, command, { timeoutMs: TIMEOUT_MS });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.close();
  }
}
