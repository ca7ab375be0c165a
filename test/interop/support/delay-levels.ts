/**
 * Delay levels that let nobody wait: a first retry, which is level 3, comes after one second and a second one, level
 * 4, after two.
 */
export const messageDelayLevel = '1s 1s 1s 2s 1s 1s 1s 1s 1s 1s 1s 1s 1s 1s 1s 1s 1s 1s';

export function delayOfLevelMs(level: number): number {
  return 1_000 * Number.parseInt(messageDelayLevel.split(' ')[level - 1]!, 10);
}
