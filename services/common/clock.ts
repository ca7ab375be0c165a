/** The time of day, injected so that a test can choose it. */
export class Clock {
  now(): Date {
    return new Date();
  }
}
