/** How often a message is tried before it is spooled. */
const MAX_TRIES = 3;
/** No further try after so long: a customer is waiting. */
const MAX_MS = 3_000;

/**
 * Sends up to three times. A client that sends by a key has no other queue to try: what an interrupted connection or a
 * restarting broker takes is the same queue, once more.
 *
 * A try whose answer was lost may have succeeded: then there are two messages, with one eventId.
 */
export async function threeTries<T>(
  send: () => Promise<T>,
  mayTryAgain: (error: unknown) => boolean,
  steadyNow: () => number = () => performance.now(),
): Promise<T> {
  const deadlineMs = steadyNow() + MAX_MS;
  for (let tryNumber = 1; ; tryNumber += 1) {
    try {
      return await send();
    } catch (error) {
      if (tryNumber === MAX_TRIES || steadyNow() >= deadlineMs || !mayTryAgain(error)) throw error;
    }
  }
}
