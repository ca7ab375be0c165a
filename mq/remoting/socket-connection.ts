import type { Duplex } from 'node:stream';
import type { Clock } from '../clock.ts';
import { MqError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import {
  asOneway,
  defaultFrameLimits,
  encodeFrame,
  encodeFrameHead,
  isOneway,
  isResponse,
  responseTo,
  type FrameLimits,
  type RemotingCommand,
} from '../protocol/frame.ts';
import { FrameDecoder } from '../protocol/frame-decoder.ts';
import { formatHostPort, type HostAddress } from '../protocol/host-address.ts';
import type { LanguageName } from '../protocol/language-code.ts';
import { describeRequestCode } from '../protocol/request-code.ts';
import { defaultBackPressure, PeerLoad, type BackPressure } from './back-pressure.ts';
import type { CloseListener, Connection, RequestOptions } from './connection.ts';
import { InFlight, requestAborted } from './in-flight.ts';
import { foreignProtocol, isTlsHandshake, OPENING_BYTES } from './opening-bytes.ts';
import { OutgoingFrames } from './outgoing-frames.ts';
import type { ProcessorTable, Reply } from './processor.ts';
import { errorReply, serve } from './serve.ts';

/** Told of each request of the peer that is answered, or, where no answer is wanted, dealt with. */
export type OnAnswered = (requestCode: number, responseCode: number, tookMs: number) => void;

export interface SocketConnectionOptions {
  id: number;
  remote: HostAddress;
  local: HostAddress;
  processors: ProcessorTable;
  clock: Clock;
  logger: Logger;
  limits?: FrameLimits | undefined;
  backPressure?: BackPressure | undefined;
  /** How long `close` waits for the replies still being worked on. */
  closeGraceMs?: number | undefined;
  /** Called when the peer turns out to speak something else, instead of a line in the log. */
  onForeignProtocol?: ((protocol: string, remote: HostAddress) => void) | undefined;
  onAnswered?: OnAnswered | undefined;
}

/** After a graceful end the peer gets this long to close its side before the socket is destroyed. */
const PEER_CLOSE_GRACE_MS = 1000;
/** A peer that was asked and sent not one byte for this long, through so many timeouts, is gone: TCP alone needs minutes to notice. */
const DEAD_AFTER = { timeoutCount: 3, silenceMs: 10_000 } as const;

/**
 * The Connection over one socket. A reply is matched to its request by its opaque.
 *
 * Order: requests are handed to their processors in the order they arrive, each started before the next;
 *        replies leave in the order they are ready. Frames written in one tick leave in one write.
 */
export class SocketConnection implements Connection {
  readonly id: number;
  readonly remote: HostAddress;
  readonly local: HostAddress;
  readonly openedAt: number;
  peerVersion: number | undefined;
  language: LanguageName | undefined;

  readonly #stream: Duplex;
  readonly #processors: ProcessorTable;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #limits: FrameLimits;
  readonly #backPressure: BackPressure;
  readonly #closeGraceMs: number;
  readonly #onForeignProtocol: SocketConnectionOptions['onForeignProtocol'];
  readonly #onAnswered: OnAnswered | undefined;
  readonly #decoder: FrameDecoder;
  readonly #inFlight: InFlight;
  readonly #outgoing: OutgoingFrames;
  readonly #load: PeerLoad;
  readonly #closeListeners = new Set<CloseListener>();
  #state: 'open' | 'closing' | 'closed' = 'open';
  #closeReason: MqError | undefined;
  #closing: Promise<void> | undefined;
  #onIdle: (() => void) | undefined;

  #opening: Buffer = Buffer.alloc(0);
  #receivedCount = 0;
  #lastActivityMs: number;
  #midFrameSinceMs: number | undefined;
  /** Since when a request of ours waits and nothing at all has come from the peer. */
  #silentSinceMs: number | undefined;
  #silentTimeouts = 0;
  #isPaused = false;

  constructor(stream: Duplex, options: SocketConnectionOptions) {
    this.id = options.id;
    this.remote = options.remote;
    this.local = options.local;
    this.#stream = stream;
    this.#processors = options.processors;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#limits = options.limits ?? defaultFrameLimits;
    this.#backPressure = options.backPressure ?? defaultBackPressure;
    this.#closeGraceMs = options.closeGraceMs ?? 3000;
    this.#onForeignProtocol = options.onForeignProtocol;
    this.#onAnswered = options.onAnswered;
    this.openedAt = this.#clock.now();
    this.#lastActivityMs = this.#clock.monotonicMs();
    this.#decoder = new FrameDecoder(this.#limits);
    this.#outgoing = new OutgoingFrames(stream, () => {
      this.#lastActivityMs = this.#clock.monotonicMs();
      this.#resumeWhenRelieved();
    });
    this.#inFlight = new InFlight(this.#clock, this.#outgoing, () => {
      this.#countSilentTimeout();
      // Who gives up a request may send the next, and what was given up waits in the socket all the same.
      this.#dropWhenSwamped();
    });
    this.#load = new PeerLoad(this.#backPressure, () => this.#outgoing.unsentBytes);
    stream.on('data', (chunk: Buffer) => this.#receive(chunk));
    stream.on('error', (cause: Error) => {
      this.#closeReason ??= this.#closedError(`the socket failed: ${cause.message}`, cause);
    });
    stream.on('end', () => this.#inputEnded());
    stream.on('close', () => this.#closed());
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  get openRequests(): number {
    return this.#load.openRequests;
  }

  get receivedCount(): number {
    return this.#receivedCount;
  }

  get peer(): string {
    return formatHostPort(this.remote);
  }

  async request(command: RemotingCommand, options: RequestOptions): Promise<RemotingCommand> {
    const label = `${describeRequestCode(command.code)} sent to ${this.peer}`;
    if (options.signal?.aborted) throw requestAborted(label, options.signal);
    this.#assertOpen();
    const opaque = this.#inFlight.nextOpaque();
    const frame = this.#encode({ ...command, opaque });
    this.#outgoing.add(frame);
    this.#silentSinceMs ??= this.#clock.monotonicMs();
    return this.#inFlight.wait(opaque, label, options);
  }

  async oneway(command: RemotingCommand): Promise<void> {
    this.#assertOpen();
    this.#outgoing.add(this.#encode({ ...asOneway(command), opaque: this.#inFlight.nextOpaque() }));
    if (!this.#load.isUnread) return;
    this.#dropWhenSwamped();
    await this.#outgoing.drained();
    if (this.#state === 'closed') throw this.#closedError('closed before all was sent');
  }

  close(reason?: MqError): Promise<void> {
    this.#closing ??= this.#closeGracefully(reason);
    return this.#closing;
  }

  destroy(reason?: MqError): void {
    this.#closeReason ??= reason;
    this.#stream.destroy();
  }

  onClose(listener: CloseListener): void {
    if (this.#state === 'closed') listener(this.#closeReason);
    else this.#closeListeners.add(listener);
  }

  /** Applies the owner's time limits. One sweep over all connections replaces timers of their own. */
  checkTimeLimits(limits: { halfFrameTimeoutMs: number; idleTimeoutMs: number }): void {
    if (this.#state !== 'open') return;
    const nowMs = this.#clock.monotonicMs();
    const halfFrameMs = nowMs - (this.#midFrameSinceMs ?? nowMs);
    if (!this.#isPaused && halfFrameMs >= limits.halfFrameTimeoutMs) {
      const limit = `${Math.floor(halfFrameMs)} ms, the limit is ${limits.halfFrameTimeoutMs} ms`;
      this.#refuse(`sent half a frame and nothing more for ${limit}`);
      return;
    }
    const idleMs = nowMs - this.#lastActivityMs;
    if (idleMs < limits.idleTimeoutMs) return;
    this.#logger.info(`closed ${this.peer}: nothing read or written for too long`, {
      idleMs: Math.floor(idleMs),
      limitMs: limits.idleTimeoutMs,
    });
    this.destroy(this.#closedError(`idle for ${Math.floor(idleMs)} ms`));
  }

  #assertOpen(): void {
    if (this.#state !== 'open') throw this.#closedError('it is closed');
  }

  #closedError(what: string, cause?: unknown): MqError {
    return new MqError('CONNECTION_CLOSED', `connection to ${this.peer}: ${what}`, {
      retriable: true,
      details: { peer: this.peer },
      cause,
    });
  }

  /** Copies the body, which stays its caller's. */
  #encode(command: RemotingCommand): Buffer {
    const frame = encodeFrame(command);
    this.#assertFits(command, frame.length);
    return frame;
  }

  /** The body is not copied: nobody changes it after it was returned as a reply. */
  #addReply(command: RemotingCommand): void {
    const { body } = command;
    const bodyBytes = body?.length ?? 0;
    if (this.#outgoing.addPlainHead(command, this.#limits.maxFrameBytes + 4 - bodyBytes)) {
      if (body !== undefined) this.#outgoing.add(body);
      return;
    }
    const head = encodeFrameHead(command);
    this.#assertFits(command, head.length + bodyBytes);
    this.#outgoing.add(head);
    if (body !== undefined) this.#outgoing.add(body);
  }

  #assertFits(command: RemotingCommand, byteCount: number): void {
    const { maxFrameBytes } = this.#limits;
    if (byteCount - 4 <= maxFrameBytes) return;
    const what = isResponse(command) ? 'reply' : describeRequestCode(command.code);
    throw new MqError(
      'FRAME_INVALID',
      `${what} makes a frame of ${byteCount - 4} bytes, the limit is ${maxFrameBytes}`,
      { details: { frameBytes: byteCount - 4, limitBytes: maxFrameBytes } },
    );
  }

  #receive(chunk: Buffer): void {
    this.#lastActivityMs = this.#clock.monotonicMs();
    this.#silentSinceMs = undefined;
    this.#silentTimeouts = 0;
    // A closing connection reads on and drops what it reads: unread bytes would turn our last reply into a reset.
    if (this.#state !== 'open') return;
    if (this.#opening.length < OPENING_BYTES) {
      const missing = OPENING_BYTES - this.#opening.length;
      this.#opening = Buffer.concat([this.#opening, chunk.subarray(0, missing)]);
      if (isTlsHandshake(this.#opening)) {
        this.#refuseForeign(foreignProtocol(this.#opening)!);
        return;
      }
    }
    let commands: RemotingCommand[];
    try {
      commands = this.#decoder.push(chunk);
    } catch (error) {
      this.#refuseBytes(error);
      return;
    }
    for (const command of commands) this.#dispatch(command);
    if (this.#decoder.failure) this.#refuseBytes(this.#decoder.failure);
    if (!this.#decoder.isMidFrame) this.#midFrameSinceMs = undefined;
    else if (commands.length > 0) this.#midFrameSinceMs = this.#lastActivityMs;
    else this.#midFrameSinceMs ??= this.#lastActivityMs;
  }

  #refuseBytes(error: unknown): void {
    const foreign = this.#receivedCount === 0 ? foreignProtocol(this.#opening) : undefined;
    const reason = error instanceof Error ? error.message : String(error);
    if (foreign === undefined) this.#refuse(`sent an invalid frame: ${reason}`);
    else this.#refuseForeign(foreign);
  }

  #refuseForeign(protocol: string): void {
    this.#onForeignProtocol?.(protocol, this.remote);
    this.#refuse(`tried ${protocol}`, this.#onForeignProtocol === undefined ? 'warn' : 'debug');
  }

  /** The one log line of a refusal, and the end of the connection once earlier requests have their replies. */
  #refuse(what: string, level: 'warn' | 'debug' = 'warn'): void {
    this.#logger[level](`closed ${this.peer}: it ${what}`, { receivedFrames: this.#receivedCount });
    void this.close(new MqError('FRAME_INVALID', `${this.peer} ${what}`));
  }

  #dispatch(command: RemotingCommand): void {
    this.#receivedCount++;
    if (isResponse(command)) {
      if (!this.#inFlight.settle(command)) {
        this.#logger.debug('dropped a reply nobody waits for', {
          peer: this.peer,
          opaque: command.opaque,
          code: command.code,
        });
      }
      return;
    }
    this.peerVersion = command.version;
    this.language = command.language;
    this.#serve(command);
  }

  #serve(request: RemotingCommand): void {
    const bodyBytes = request.body?.length ?? 0;
    // When it came: no look at the clock for each.
    const receivedMs = this.#lastActivityMs;
    const reply = serve(request, this, this.#processors, this.#logger, (later) => {
      this.#load.requestAnswered(bodyBytes);
      this.#reply(request, later);
      this.#noteAnswered(request, later, receivedMs);
      this.#resumeWhenRelieved();
      if (this.#load.openRequests === 0) this.#onIdle?.();
    });
    if (reply !== undefined) {
      this.#reply(request, reply);
      this.#noteAnswered(request, reply, receivedMs);
      return;
    }
    this.#load.requestOpened(bodyBytes);
    this.#pauseWhenPressed();
  }

  #noteAnswered(request: RemotingCommand, reply: Reply, receivedMs: number): void {
    this.#onAnswered?.(request.code, reply.code, this.#clock.monotonicMs() - receivedMs);
  }

  #reply(request: RemotingCommand, reply: Reply): void {
    if (isOneway(request) || this.#stream.destroyed) return;
    try {
      this.#addReply(responseTo(request, reply));
    } catch (error) {
      this.#addReply(responseTo(request, errorReply(error, request, this, this.#logger)));
    }
    this.#pauseWhenPressed();
    this.#dropWhenSwamped();
  }

  #dropWhenSwamped(): void {
    if (!this.#load.isSwamped) return;
    const { unsentBytes } = this.#outgoing;
    const { maxUnsentBytes } = this.#backPressure;
    this.#logger.warn(`closed ${this.peer}: it does not read what is sent to it`, {
      unsentBytes,
      limitBytes: maxUnsentBytes,
      openRequests: this.#load.openRequests,
    });
    this.#outgoing.drop();
    this.destroy(
      this.#closedError(`${unsentBytes} bytes were not read, the limit is ${maxUnsentBytes}`),
    );
  }

  #pauseWhenPressed(): void {
    if (this.#isPaused || !this.#load.isTooHigh) return;
    this.#isPaused = true;
    this.#stream.pause();
  }

  #resumeWhenRelieved(): void {
    if (!this.#isPaused || !this.#load.isRelieved) return;
    this.#isPaused = false;
    // The peer could not finish its frame while we did not read: its time starts now.
    if (this.#midFrameSinceMs !== undefined) this.#midFrameSinceMs = this.#clock.monotonicMs();
    this.#stream.resume();
  }

  #countSilentTimeout(): void {
    this.#silentTimeouts++;
    const nowMs = this.#clock.monotonicMs();
    const silentMs = Math.floor(nowMs - (this.#silentSinceMs ?? nowMs));
    const isSilent =
      this.#silentTimeouts >= DEAD_AFTER.timeoutCount && silentMs >= DEAD_AFTER.silenceMs;
    if (!isSilent || this.#isPaused) return;
    this.#logger.warn(`closed ${this.peer}: it answers nothing`, {
      silentMs,
      timeouts: this.#silentTimeouts,
    });
    this.destroy(this.#closedError(`no byte came for ${silentMs} ms`));
  }

  #inputEnded(): void {
    if (!this.#decoder.isMidFrame) return;
    this.#logger.debug('the peer ended in the middle of a frame', { peer: this.peer });
  }

  async #closeGracefully(reason: MqError | undefined): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closing';
    this.#closeReason ??= reason;
    this.#rejectInFlight(reason);
    const gone = new Promise<void>((resolve) => this.onClose(() => resolve()));
    if (this.#load.openRequests > 0) {
      await this.#orAfter(
        this.#closeGraceMs,
        gone,
        new Promise<void>((resolve) => {
          this.#onIdle = resolve;
        }),
      );
    }
    this.#outgoing.flush();
    this.#stream.end();
    this.#isPaused = false;
    this.#stream.resume();
    await this.#orAfter(PEER_CLOSE_GRACE_MS, gone);
    this.#stream.destroy();
    await gone;
  }

  async #orAfter(delayMs: number, ...events: Promise<void>[]): Promise<void> {
    let timer;
    const late = new Promise<void>((resolve) => {
      timer = this.#clock.setTimeout(resolve, delayMs);
    });
    await Promise.race([late, ...events]);
    this.#clock.clearTimeout(timer);
  }

  #rejectInFlight(cause: MqError | undefined): void {
    const reason = cause === undefined ? '' : `: ${cause.message}`;
    this.#inFlight.rejectAll(
      (label) =>
        new MqError(
          'CONNECTION_CLOSED',
          `connection closed before the reply to ${label}${reason}`,
          {
            retriable: true,
            details: { peer: this.peer },
            cause,
          },
        ),
    );
  }

  #closed(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#outgoing.drop();
    this.#rejectInFlight(this.#closeReason);
    for (const listener of this.#closeListeners) listener(this.#closeReason);
    this.#closeListeners.clear();
  }
}
