import { encodeJsonBody, JsonBody } from './json-body.ts';

/**
 * What a broker has found wrong with how it is used:
 *
 * - SUBSCRIPTIONS_DIFFER: members of one consumer group do not want the same.
 * - CLIENT_ID_SHARED: two live clients of one group have the same clientId.
 * - TOPIC_NOT_EXIST: a group subscribes to a topic that no broker has.
 * - STORE_DAMAGED: bytes of the CommitLog have changed, and a message, or all behind it in its segment, cannot be served.
 * - FOREIGN_PROTOCOL: something dialled the remoting port and spoke another protocol: gRPC, TLS, HTTP.
 */
export const findingKinds = [
  'SUBSCRIPTIONS_DIFFER',
  'CLIENT_ID_SHARED',
  'TOPIC_NOT_EXIST',
  'STORE_DAMAGED',
  'FOREIGN_PROTOCOL',
] as const;
export type FindingKind = (typeof findingKinds)[number];

/** One mistake in how a broker is used, however often it was seen. */
export interface Finding {
  /** A FindingKind; a newer broker may know more of them. */
  readonly kind: string;
  /** Whom it concerns: group and topic, group and clientId, or the host that dialled. With `kind`, unique in the list. */
  readonly subject: string;
  /** One sentence with what disagrees, as it was seen last. */
  readonly what: string;
  /** What to do about it. */
  readonly advice: string;
  /** `host:port` of the peers it was seen with last. */
  readonly addresses: readonly string[];
  /** In ms since epoch, of the broker's clock. Something still wrong is seen again with every heartbeat, each 30 s. */
  readonly firstSeenAt: number;
  readonly lastSeenAt: number;
  readonly seenCount: number;
}

export function encodeFindings(findings: readonly Finding[]): Buffer {
  return encodeJsonBody({
    findings: findings.map((finding) => ({ ...finding, addresses: [...finding.addresses] })),
  });
}

/** Errors: INVALID_ARGUMENT naming the field. */
export function decodeFindings(body: Buffer | undefined): Finding[] {
  return JsonBody.parse(body, 'Findings')
    .objects('findings')
    .map((json) => ({
      kind: json.string('kind'),
      subject: json.string('subject'),
      what: json.string('what'),
      advice: json.string('advice'),
      addresses: json.strings('addresses'),
      firstSeenAt: json.integer('firstSeenAt'),
      lastSeenAt: json.integer('lastSeenAt'),
      seenCount: json.integer('seenCount'),
    }));
}
