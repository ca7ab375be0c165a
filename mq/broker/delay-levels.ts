const unitMs: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/**
 * Parses messageDelayLevel: `1s 5s 10s …`. Element 0 is the delay of level 1, in ms.
 *
 * Errors: an Error that names the level and its text.
 */
export function parseDelayLevels(text: string): readonly number[] {
  const levels = text.split(/\s+/).filter((level) => level !== '');
  if (levels.length === 0) throw new Error('messageDelayLevel names no level');
  return levels.map((level, index) => {
    const match = /^(\d{1,9})([smhd])$/.exec(level);
    if (match === null) {
      throw new Error(
        `messageDelayLevel ${index + 1} is ${JSON.stringify(level)}, not a number followed by s, m, h or d`,
      );
    }
    return Number(match[1]) * unitMs[match[2]!]!;
  });
}

/** What the value of a DELAY property asks for; 0 for a message that is to be delivered at once. */
export function delayLevel(value: string | undefined): number {
  const level = Number.parseInt(value ?? '0', 10);
  return level > 0 ? level : 0;
}
