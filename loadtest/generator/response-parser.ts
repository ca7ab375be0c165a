/** Bytes that are no HTTP/1.1 response, or more of one than this client takes. */
export class MalformedResponse extends Error {
  override readonly name = 'MalformedResponse';
}

export interface ParsedResponse {
  readonly status: number;
  readonly body: string;
  /** Whether the peer takes another request on this connection. */
  readonly keepsAlive: boolean;
}

interface Head {
  readonly status: number;
  readonly keepsAlive: boolean;
  /** Bytes of body; chunks and what lasts until the peer closes have no number. */
  readonly length: number | 'chunked' | 'until close';
}

const maxHeadBytes = 16_384;
const maxBodyBytes = 16_777_216;
/** Of a chunk's size with its extensions, and of one trailer line. */
const maxLineBytes = 1_024;
const maxTrailerLines = 64;

const headEnd = Buffer.from('\r\n\r\n');
const lineEnd = Buffer.from('\r\n');
const statusLine = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/;
const headerLine = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)$/;
const chunkLine = /^([0-9A-Fa-f]{1,8})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/;

/**
 * Reads the responses of one connection, in whatever pieces they come.
 *
 * Shape:  `feed` reads bytes [0, end) before it returns; the buffer may be used again then.
 * Errors: MalformedResponse, after which the connection is of no use: whatever came before has been handed on.
 * Source: RFC 9112. Lines end with CRLF; folded header lines, two lengths, and a length beside chunks are refused.
 */
export class ResponseParser {
  readonly #onResponse: (response: ParsedResponse) => void;
  #head: Head | undefined;
  /** Bytes of an incomplete head, or of an incomplete line between chunks. */
  #held: Buffer | undefined;
  #parts: Buffer[] = [];
  #bodyBytes = 0;
  /** Of a chunk or a body, still to come. */
  #missingBytes = 0;
  #chunkPart: 'size' | 'data' | 'data end' | 'trailer' = 'size';
  #trailerLines = 0;

  constructor(onResponse: (response: ParsedResponse) => void) {
    this.#onResponse = onResponse;
  }

  /** Nothing has come since the last response ended. */
  get isBetween(): boolean {
    return this.#head === undefined && this.#held === undefined;
  }

  feed(incoming: Buffer, incomingEnd = incoming.length): void {
    let bytes = incoming;
    let end = incomingEnd;
    if (this.#held !== undefined) {
      bytes = Buffer.concat([this.#held, incoming.subarray(0, incomingEnd)]);
      end = bytes.length;
      this.#held = undefined;
    }
    let at = 0;
    while (at < end) {
      const next =
        this.#head === undefined ? this.#readHead(bytes, at, end) : this.#readBody(bytes, at, end);
      if (next === undefined) {
        this.#held = Buffer.from(bytes.subarray(at, end));
        return;
      }
      at = next;
    }
  }

  /** The peer has closed. False: in the midst of a response. */
  end(): boolean {
    if (this.#head?.length === 'until close') this.#finish();
    return this.isBetween;
  }

  /** The index behind the head, or undefined while it is incomplete. */
  #readHead(bytes: Buffer, at: number, end: number): number | undefined {
    const found = bytes.indexOf(headEnd, at);
    const isComplete = found >= 0 && found + headEnd.length <= end;
    const headBytes = (isComplete ? found : end) - at;
    if (headBytes > maxHeadBytes) {
      throw new MalformedResponse(`a head of ${headBytes} bytes or more, at most ${maxHeadBytes}`);
    }
    if (!isComplete) return undefined;
    const head = headOf(bytes.toString('latin1', at, found));
    const bodyAt = found + headEnd.length;
    if (head === undefined) return bodyAt;
    this.#head = head;
    if (typeof head.length === 'number') {
      // Nearly every response: whole, in one read.
      if (bodyAt + head.length <= end) {
        const bodyEnd = bodyAt + head.length;
        this.#head = undefined;
        this.#hand(head, bytes.toString('utf8', bodyAt, bodyEnd));
        return bodyEnd;
      }
      this.#missingBytes = head.length;
    }
    return bodyAt;
  }

  #readBody(bytes: Buffer, at: number, end: number): number | undefined {
    const { length } = this.#head!;
    if (length === 'chunked') return this.#readChunked(bytes, at, end);
    if (length === 'until close') {
      this.#keep(bytes, at, end);
      return end;
    }
    const next = this.#keepMissing(bytes, at, end);
    if (this.#missingBytes === 0) this.#finish();
    return next;
  }

  #readChunked(bytes: Buffer, at: number, end: number): number | undefined {
    if (this.#chunkPart === 'data') {
      const next = this.#keepMissing(bytes, at, end);
      if (this.#missingBytes === 0) this.#chunkPart = 'data end';
      return next;
    }
    const found = bytes.indexOf(lineEnd, at);
    const isComplete = found >= 0 && found + lineEnd.length <= end;
    const lineBytes = (isComplete ? found : end) - at;
    if (lineBytes > maxLineBytes) {
      throw new MalformedResponse(
        `a line of ${lineBytes} bytes or more between chunks, at most ${maxLineBytes}`,
      );
    }
    if (!isComplete) {
      // Two bytes are enough to see that a chunk is longer than it said.
      if (this.#chunkPart === 'data end' && lineBytes >= 2)
        throw new MalformedResponse('a chunk longer than its size');
      return undefined;
    }
    this.#takeLine(bytes.toString('latin1', at, found));
    return found + lineEnd.length;
  }

  #takeLine(line: string): void {
    switch (this.#chunkPart) {
      case 'size': {
        const size = chunkLine.exec(line)?.[1];
        if (size === undefined)
          throw new MalformedResponse(`the size of a chunk is ${quoted(line)}`);
        this.#missingBytes = Number.parseInt(size, 16);
        checkBodyBytes(this.#bodyBytes + this.#missingBytes);
        this.#chunkPart = this.#missingBytes === 0 ? 'trailer' : 'data';
        return;
      }
      case 'trailer':
        if (line === '') return this.#finish();
        this.#trailerLines += 1;
        if (!headerLine.test(line) || this.#trailerLines > maxTrailerLines) {
          throw new MalformedResponse(`trailer ${this.#trailerLines} is ${quoted(line)}`);
        }
        return;
      default:
        if (line !== '') throw new MalformedResponse('a chunk longer than its size');
        this.#chunkPart = 'size';
    }
  }

  #keepMissing(bytes: Buffer, at: number, end: number): number {
    const next = Math.min(end, at + this.#missingBytes);
    this.#missingBytes -= next - at;
    this.#keep(bytes, at, next);
    return next;
  }

  #keep(bytes: Buffer, at: number, end: number): void {
    this.#bodyBytes += end - at;
    checkBodyBytes(this.#bodyBytes);
    this.#parts.push(Buffer.from(bytes.subarray(at, end)));
  }

  #finish(): void {
    const head = this.#head!;
    const body = Buffer.concat(this.#parts).toString();
    this.#head = undefined;
    this.#parts = [];
    this.#bodyBytes = 0;
    this.#chunkPart = 'size';
    this.#trailerLines = 0;
    this.#hand(head, body);
  }

  #hand({ status, keepsAlive }: Head, body: string): void {
    this.#onResponse({ status, body, keepsAlive });
  }
}

/** Of those read lately: within a second most answers of a server begin with the same bytes, its `date` included. */
const knownHeads = new Map<string, Head | undefined>();
const maxKnownHeads = 256;

function headOf(text: string): Head | undefined {
  const known = knownHeads.get(text);
  if (known !== undefined) return known;
  const head = parseHead(text);
  if (knownHeads.size >= maxKnownHeads) knownHeads.clear();
  knownHeads.set(text, head);
  return head;
}

/** Undefined: a head that only says that another one follows. */
function parseHead(text: string): Head | undefined {
  const lines = text.split('\r\n');
  const [, minor, digits] = statusLine.exec(lines[0]!) ?? [];
  if (digits === undefined) throw new MalformedResponse(`the status line is ${quoted(lines[0]!)}`);
  const status = Number(digits);
  let keepsAlive = minor === '1';
  let length: number | undefined;
  let isChunked = false;
  for (let index = 1; index < lines.length; index += 1) {
    const match = headerLine.exec(lines[index]!);
    if (match === null)
      throw new MalformedResponse(`header line ${index} is ${quoted(lines[index]!)}`);
    const name = match[1]!.toLowerCase();
    if (name === 'content-length') {
      const bytes = parseLength(match[2]!.trimEnd());
      if (length !== undefined && length !== bytes) {
        throw new MalformedResponse(`content-length is ${length} and ${bytes}`);
      }
      length = bytes;
    } else if (name === 'transfer-encoding') {
      if (isChunked || match[2]!.trimEnd().toLowerCase() !== 'chunked') {
        throw new MalformedResponse(
          `transfer-encoding is ${quoted(match[2]!)}, it must be chunked`,
        );
      }
      isChunked = true;
    } else if (name === 'connection') {
      const value = match[2]!.toLowerCase();
      if (value.includes('close')) keepsAlive = false;
      else if (value.includes('keep-alive')) keepsAlive = true;
    }
  }
  if (isChunked && length !== undefined) {
    throw new MalformedResponse(`content-length is ${length}, and transfer-encoding chunked`);
  }
  if (status === 101) throw new MalformedResponse('101, and nobody asked for another protocol');
  if (status < 200) return undefined;
  if (status === 204 || status === 304) return { status, keepsAlive, length: 0 };
  if (isChunked) return { status, keepsAlive, length: 'chunked' };
  if (length === undefined) return { status, keepsAlive: false, length: 'until close' };
  return { status, keepsAlive, length };
}

function parseLength(value: string): number {
  if (!/^\d{1,15}$/.test(value)) throw new MalformedResponse(`content-length is ${quoted(value)}`);
  const bytes = Number(value);
  checkBodyBytes(bytes);
  return bytes;
}

function checkBodyBytes(bytes: number): void {
  if (bytes > maxBodyBytes) {
    throw new MalformedResponse(`a body of ${bytes} bytes, at most ${maxBodyBytes}`);
  }
}

/** What a peer has sent may be long, and hold anything. */
function quoted(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}
