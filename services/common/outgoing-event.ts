/** What a service tells the others, before anything has been decided about how it is sent. */
export interface OutgoingEvent {
  topic: string;
  tag: string;
  /** Message key; also what decides the queue, so that events of one key keep their order. */
  key: string;
  /** Everything but the eventId, which whoever sends it adds. */
  payload: object;
  createdAt: Date;
}
