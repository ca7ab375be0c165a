/** Which methods each path is served with: what tells a wrong method (405) from a wrong path (404). */
export class RouteTable {
  readonly #methodsByPattern = new Map<string, Set<string>>();

  add({ url, method }: { url: string; method: string | readonly string[] }): void {
    // A route for everything says nothing about any one path.
    if (url.includes('*')) return;
    const methods = this.#methodsByPattern.get(url) ?? new Set();
    for (const each of [method].flat()) methods.add(each);
    this.#methodsByPattern.set(url, methods);
  }

  /** Empty for a path that is not served at all. */
  methodsOf(path: string): string[] {
    const methods = new Set<string>();
    for (const [pattern, served] of this.#methodsByPattern) {
      if (matches(pattern.split('/'), path.split('/')))
        for (const each of served) methods.add(each);
    }
    return [...methods].sort();
  }
}

function matches(pattern: readonly string[], path: readonly string[]): boolean {
  return (
    pattern.length === path.length &&
    pattern.every((part, index) =>
      part.startsWith(':') ? path[index] !== '' : part === path[index],
    )
  );
}
