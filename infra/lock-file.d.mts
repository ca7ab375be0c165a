export function lockOwner(path: string): number | undefined;
export function tryLock(path: string): (() => void) | undefined;
