interface PackageTable {
  packages: Readonly<Record<string, { version?: string; optional?: boolean; link?: boolean }>>;
}

export function prepareAndRun(argv: readonly string[]): Promise<void>;
export function whyOutdated(lock: PackageTable, installed: PackageTable): string | undefined;
