/** What a service tells the others, before anything has been decided about how it is sent. */
export interface OutgoingEvent {
  topic: string;
  tag: string;
  /** Message key; also what decides the queue, so that events of one key keep their order. */
  key: string;
  /** Everything but the eventId, which whoever sends it adds. */
  payload: object;
  createdAt: Date;
  /** Not to be delivered before; without it at once. */
  deliverAt?: Date;
}

export function bodyOf(event: OutgoingEvent, eventId: string): string {
  return JSON.stringify({ eventId, ...event.payload });
}

/** The message that tells of an event: events of one key go into one queue. */
export function messageOf(
  event: OutgoingEvent,
  eventId: string,
): { topic: string; tags: string; keys: string; shardingKey: string; body: string } {
  const { topic, tag, key } = event;
  return { topic, tags: tag, keys: key, shardingKey: key, body: bodyOf(event, eventId) };
}

/** How much longer a message must wait: told to the broker as a duration, its clock may differ from ours. */
export function delayUntil(
  deliverAt: Date | null | undefined,
  now: Date,
): { delayTimeMs?: number } {
  if (!deliverAt) return {};
  const delayTimeMs = deliverAt.getTime() - now.getTime();
  return delayTimeMs > 0 ? { delayTimeMs } : {};
}
