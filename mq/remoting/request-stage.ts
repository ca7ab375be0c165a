/** How far a request came that got no answer in time; `details.stage` of its error. */
export const RequestStage = {
  /** The connection was not there yet. The peer has nothing of it. */
  CONNECTING: 'connecting',
  /** The kernel had not taken all of it: the peer, or the network, takes too little. */
  SOCKET: 'socket not draining',
  /** It was sent, and the peer may act on it. */
  ANSWER: 'waiting for the answer',
} as const;
