import { RequestStage } from '../remoting/request-stage.ts';

/** How far a send came before it failed or ran out of time; `details.stage` of its error. */
export const SendStage = {
  /** The producer's own limit of sends under way. Nothing was sent. */
  IN_FLIGHT_LIMIT: 'client in-flight limit',
  /** No name server has told where the topic is. Nothing was sent. */
  ROUTE: 'waiting for route',
  ...RequestStage,
  /** The broker has it and said that it has too much to do. It is not stored. */
  BROKER_QUEUE: 'broker queue',
  /** Of `Producer.request`: it is stored, and nobody has replied in time. */
  REPLY: 'waiting for the reply',
} as const;

export type SendStage = (typeof SendStage)[keyof typeof SendStage];
