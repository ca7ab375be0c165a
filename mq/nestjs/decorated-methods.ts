import { Inject, Injectable } from '@nestjs/common';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { MqError } from '../index.ts';

export interface DecoratedMethod<O> {
  /** `Class.method`, for errors. */
  label: string;
  /** What the decorator was given. */
  options: O;
  method: (...parameters: never[]) => unknown;
}

/** Finds the methods of an application's providers and controllers that carry one of this package's decorators. */
@Injectable()
export class DecoratedMethods {
  readonly #discovery: DiscoveryService;
  readonly #scanner: MetadataScanner;

  constructor(
    @Inject(DiscoveryService) discovery: DiscoveryService,
    @Inject(MetadataScanner) scanner: MetadataScanner,
  ) {
    this.#discovery = discovery;
    this.#scanner = scanner;
  }

  /**
   * A class and its alias (`useExisting`) are one instance and have each method once. Methods are bound.
   *
   * Errors: INVALID_ARGUMENT naming a method of a provider that is no singleton.
   */
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the decorator behind the metadata key decides
  find<O>(metadataKey: symbol, decorator: string): DecoratedMethod<O>[] {
    const found = new Map<unknown, DecoratedMethod<O>[]>();
    const wrappers = [...this.#discovery.getProviders(), ...this.#discovery.getControllers()];
    for (const wrapper of wrappers) {
      const { instance } = wrapper as { instance: unknown };
      if (typeof instance !== 'object' || instance === null || found.has(instance)) continue;
      const methods = this.#methodsOf<O>(instance as Record<string, unknown>, metadataKey);
      if (methods.length > 0) assertSingleton(wrapper, methods[0]!.label, decorator);
      found.set(instance, methods);
    }
    return [...found.values()].flat();
  }

  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- as above
  #methodsOf<O>(instance: Record<string, unknown>, metadataKey: symbol): DecoratedMethod<O>[] {
    const prototype: unknown = Object.getPrototypeOf(instance);
    if (typeof prototype !== 'object' || prototype === null) return [];
    return this.#scanner.getAllMethodNames(prototype).flatMap((name) => {
      const method = instance[name];
      if (typeof method !== 'function') return [];
      const options: O | undefined = Reflect.getMetadata(metadataKey, method);
      if (options === undefined) return [];
      const label = `${instance.constructor.name}.${name}`;
      return [{ label, options, method: (method as () => unknown).bind(instance) }];
    });
  }
}

/** Nest makes an instance of such a provider for each request; the one at hand never got its dependencies. */
function assertSingleton(
  wrapper: { isTransient: boolean; isDependencyTreeStatic(): boolean },
  label: string,
  decorator: string,
): void {
  if (!wrapper.isTransient && wrapper.isDependencyTreeStatic()) return;
  throw new MqError(
    'INVALID_ARGUMENT',
    `${label} is a @${decorator} of a request-scoped or transient provider, it must be of a singleton`,
  );
}
