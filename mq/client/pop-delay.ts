/** popDelayLevel of Java's consumers: after its n-th delivery a message that failed is popped again so many seconds later. */
const RETRY_SECONDS: readonly number[] = [
  10, 30, 60, 120, 180, 240, 300, 360, 420, 480, 540, 600, 1200, 1800, 3600, 7200,
];
/** What brokers have for messageDelayLevel unless somebody has set it. */
const LEVEL_SECONDS: readonly number[] = [1, 5, ...RETRY_SECONDS];

/** How long a popped message stays away, in ms: as its listener says by a delay level, or by how often it failed. */
export function popDelayMs(delayTimeLevel: number, reconsumeTimes: number): number {
  const [seconds, index] =
    delayTimeLevel > 0 ? [LEVEL_SECONDS, delayTimeLevel - 1] : [RETRY_SECONDS, reconsumeTimes];
  return seconds[Math.min(index, seconds.length - 1)]! * 1000;
}
