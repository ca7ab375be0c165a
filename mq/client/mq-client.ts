import { MqError } from '../errors.ts';
import type { FieldTable, RequestDefinition, ValuesOf } from '../protocol/define-request.ts';
import { requestCommand, type RemotingCommand } from '../protocol/frame.ts';
import { parseBusyRemark } from '../protocol/busy-remark.ts';
import { describeRequestCode } from '../protocol/request-code.ts';
import {
  ResponseCode,
  responseCodeName,
  retriableResponseCodes,
} from '../protocol/response-code.ts';
import type { Connection } from '../remoting/connection.ts';
import type { ProcessorTable } from '../remoting/processor.ts';
import { RemotingClient } from '../remoting/remoting-client.ts';
import type { ClientSettings } from './client-options.ts';
import { NameServers } from './name-servers.ts';
import { SendStage } from './send-stage.ts';

export interface CallOptions {
  body?: Buffer | undefined;
  /** Default: the client's requestTimeoutMs. */
  timeoutMs?: number | undefined;
  signal?: AbortSignal | undefined;
  /** Response codes besides SUCCESS that carry the response fields and are not errors. */
  accept?: readonly number[] | undefined;
}

export interface NameServerCallOptions extends CallOptions {
  /** Whether an answer may be one name server's alone: another is asked the next time. */
  isDoubtful?: (error: MqError) => boolean;
}

/** What may go with a request besides its header fields. */
interface RequestExtras {
  body?: Buffer | undefined;
  remark?: string | undefined;
}

export interface CallReply<S extends FieldTable> {
  code: number;
  header: ValuesOf<S>;
  body: Buffer | undefined;
}

/**
 * What producers, consumers and admins share: connections, typed calls, and the choice of a name server. Each of them
 * has one of its own; nothing is shared between them.
 */
export class MqClient {
  readonly settings: ClientSettings;
  readonly #remoting: RemotingClient;
  readonly #nameServers: NameServers;
  /** MQVersion ordinals, from the replies of peers that this client is connected to. */
  readonly #versions = new Map<string, number>();
  #isClosed = false;

  constructor(settings: ClientSettings, processors: ProcessorTable = new Map()) {
    this.settings = settings;
    this.#nameServers = new NameServers(settings.namesrvAddr, settings.clock);
    this.#remoting = new RemotingClient({
      processors,
      logger: settings.logger,
      clock: settings.clock,
    });
    this.#remoting.onClose((address) => this.#versions.delete(address));
  }

  get clientId(): string {
    return this.settings.clientId;
  }

  /** What a peer's latest answer said; undefined before the first, and when the connection is gone. */
  versionOf(address: string): number | undefined {
    return this.#versions.get(address);
  }

  /** Called with the address whenever a connection is gone, for whatever reason. */
  onConnectionClosed(listener: (address: string) => void): void {
    this.#remoting.onClose(listener);
  }

  /**
   * Asks one peer and decodes its answer.
   *
   * Errors: the peer's ResponseCode name with its remark, UNKNOWN_RESPONSE_CODE for a number without one;
   *         CONNECT_FAILED, CONNECTION_CLOSED, REQUEST_TIMEOUT, REQUEST_ABORTED; CLIENT_CLOSED.
   */
  async call<Q extends FieldTable, S extends FieldTable>(
    address: string,
    definition: RequestDefinition<Q, S>,
    values: ValuesOf<Q>,
    options: CallOptions = {},
  ): Promise<CallReply<S>> {
    this.#assertOpen();
    const reply = await this.#remoting.request(
      address,
      this.#command(definition, values, { body: options.body }),
      {
        timeoutMs: options.timeoutMs ?? this.settings.requestTimeoutMs,
        ...(options.signal !== undefined && { signal: options.signal }),
      },
    );
    this.#versions.set(address, reply.version);
    if (reply.code !== ResponseCode.SUCCESS && options.accept?.includes(reply.code) !== true) {
      throw refusal(definition.code, address, reply);
    }
    return {
      code: reply.code,
      header: definition.decodeResponse(reply.extFields),
      body: reply.body,
    };
  }

  /** Asks the current name server, and the others in turn when it does not answer. Errors: as `call`. */
  callNameServer<Q extends FieldTable, S extends FieldTable>(
    definition: RequestDefinition<Q, S>,
    values: ValuesOf<Q>,
    { isDoubtful, ...options }: NameServerCallOptions = {},
  ): Promise<CallReply<S>> {
    return this.#nameServers.ask(
      (address) => this.call(address, definition, values, options),
      isDoubtful,
    );
  }

  /** Asks every name server, for changes that each must be told. All are told; errors: that of the first that failed. */
  async callEveryNameServer<Q extends FieldTable, S extends FieldTable>(
    definition: RequestDefinition<Q, S>,
    values: ValuesOf<Q>,
  ): Promise<CallReply<S>[]> {
    return Promise.all(
      this.#nameServers.addresses.map((address) => this.call(address, definition, values)),
    );
  }

  /** Sends to an address, or on a connection there is. Errors: CONNECT_FAILED, CONNECTION_CLOSED, CLIENT_CLOSED. */
  async oneway<Q extends FieldTable, S extends FieldTable>(
    to: string | Connection,
    definition: RequestDefinition<Q, S>,
    values: ValuesOf<Q>,
    parts: RequestExtras = {},
  ): Promise<void> {
    this.#assertOpen();
    const command = this.#command(definition, values, parts);
    await (typeof to === 'string' ? this.#remoting.oneway(to, command) : to.oneway(command));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#remoting.close();
  }

  #command<Q extends FieldTable, S extends FieldTable>(
    definition: RequestDefinition<Q, S>,
    values: ValuesOf<Q>,
    { body, remark }: RequestExtras,
  ): RemotingCommand {
    return requestCommand(
      { code: definition.code, extFields: definition.encodeRequest(values), body, remark },
      this.settings.serializeType,
    );
  }

  #assertOpen(): void {
    if (this.#isClosed) throw clientClosed();
  }
}

export function clientClosed(): MqError {
  return new MqError('CLIENT_CLOSED', 'the client is shut down');
}

function refusal(requestCode: number, address: string, reply: RemotingCommand): MqError {
  const name = responseCodeName(reply.code);
  const remark = reply.remark === undefined ? '' : `: ${reply.remark}`;
  const busy = parseBusyRemark(reply.remark);
  return new MqError(
    name ?? 'UNKNOWN_RESPONSE_CODE',
    `${describeRequestCode(requestCode)} to ${address} was answered ${name ?? 'unknown'}(${reply.code})${remark}`,
    {
      retriable: retriableResponseCodes.has(reply.code),
      details: {
        address,
        responseCode: reply.code,
        ...(busy !== undefined && { stage: SendStage.BROKER_QUEUE, ...busy }),
      },
    },
  );
}
