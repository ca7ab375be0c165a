import type { RequestOf } from './define-request.ts';
import { decodeFrameAt, type ExtFields, type RemotingCommand } from './frame.ts';
import type { LanguageName } from './language-code.ts';
import type { sendMessageV2 } from './requests/send-message-v2.ts';

export type SendHeader = RequestOf<typeof sendMessageV2>;

/** What a frame's header has beside its fields. */
export interface FixedFields {
  code: number;
  language: LanguageName;
  version: number;
  opaque: number;
  flag: number;
}

/** A SEND_MESSAGE_V2 or SEND_BATCH_MESSAGE whose header fields have been read, as values and not as texts. */
export class ReceivedSend implements RemotingCommand {
  readonly code: number;
  readonly language: LanguageName;
  readonly version: number;
  readonly opaque: number;
  readonly flag: number;
  readonly remark = undefined;
  readonly body: Buffer | undefined;
  readonly serializeType: 0 | 1;
  readonly header: SendHeader;
  readonly #frame: Buffer;
  #extFields: ExtFields | undefined;

  constructor(frame: Buffer, fixed: FixedFields, header: SendHeader, body: Buffer | undefined) {
    this.code = fixed.code;
    this.language = fixed.language;
    this.version = fixed.version;
    this.opaque = fixed.opaque;
    this.flag = fixed.flag;
    this.body = body;
    this.serializeType = frame[4] === 0 ? 0 : 1;
    this.header = header;
    this.#frame = frame;
  }

  /** For whoever wants them all the same. */
  get extFields(): ExtFields | undefined {
    return (this.#extFields ??= decodeFrameAt(this.#frame, 0, this.#frame.length).extFields);
  }
}
