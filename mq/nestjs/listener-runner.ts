import {
  Inject,
  Injectable,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { MqError, Producer, PushConsumer, type MessageListener } from '../index.ts';
import { MESSAGE_LISTENER_METADATA, type MessageListenerOptions } from './message-listener.ts';
import { MILLRACE_OPTIONS, type MillraceModuleOptions } from './options.ts';

interface Listener {
  /** `Class.method`, for errors. */
  label: string;
  options: MessageListenerOptions;
  handle: MessageListener;
}

/**
 * Starts the Producer and every `@MessageListener` with the application, and stops them in the order that
 * loses nothing: consumers first, because a listener may still be sending, then the Producer.
 */
@Injectable()
export class ListenerRunner implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #options: MillraceModuleOptions;
  readonly #producer: Producer;
  readonly #discovery: DiscoveryService;
  readonly #scanner: MetadataScanner;
  #consumers: PushConsumer[] = [];

  constructor(
    @Inject(MILLRACE_OPTIONS) options: MillraceModuleOptions,
    @Inject(Producer) producer: Producer,
    @Inject(DiscoveryService) discovery: DiscoveryService,
    @Inject(MetadataScanner) scanner: MetadataScanner,
  ) {
    this.#options = options;
    this.#producer = producer;
    this.#discovery = discovery;
    this.#scanner = scanner;
  }

  /** The running consumers, for health and tests. */
  get consumers(): readonly PushConsumer[] {
    return this.#consumers;
  }

  /** Errors: INVALID_ARGUMENT for a listener that cannot be run; nothing has been started then. */
  async onApplicationBootstrap(): Promise<void> {
    const listeners = this.#findListeners();
    assertOneListenerPerGroup(listeners);
    this.#consumers = listeners.map((listener) => this.#consumerFor(listener));
    await this.#producer.start();
    await Promise.all(this.#consumers.map((consumer) => consumer.start()));
  }

  async beforeApplicationShutdown(): Promise<void> {
    await Promise.all(this.#consumers.map((consumer) => consumer.shutdown()));
    await this.#producer.shutdown();
  }

  #consumerFor({ options, handle }: Listener): PushConsumer {
    const { topic, tags, ...consumerOptions } = options;
    const { producerGroup: _producerGroup, ...clientOptions } = this.#options;
    return new PushConsumer({ ...clientOptions, ...consumerOptions })
      .subscribe(topic, tags ?? '*')
      .onMessage(handle);
  }

  /** A class and its alias (`useExisting`) are one instance and one listener. */
  #findListeners(): Listener[] {
    const found = new Map<unknown, Listener[]>();
    const wrappers = [...this.#discovery.getProviders(), ...this.#discovery.getControllers()];
    for (const wrapper of wrappers) {
      const { instance } = wrapper as { instance: unknown };
      if (typeof instance !== 'object' || instance === null || found.has(instance)) continue;
      const listeners = this.#listenersOf(instance as Record<string, unknown>);
      if (listeners.length > 0) assertSingleton(wrapper, listeners[0]!.label);
      found.set(instance, listeners);
    }
    return [...found.values()].flat();
  }

  #listenersOf(instance: Record<string, unknown>): Listener[] {
    const prototype: unknown = Object.getPrototypeOf(instance);
    if (typeof prototype !== 'object' || prototype === null) return [];
    return this.#scanner.getAllMethodNames(prototype).flatMap((name) => {
      const method = instance[name];
      if (typeof method !== 'function') return [];
      const options: MessageListenerOptions | undefined = Reflect.getMetadata(
        MESSAGE_LISTENER_METADATA,
        method,
      );
      if (options === undefined) return [];
      const label = `${instance.constructor.name}.${name}`;
      return [{ label, options, handle: (method as MessageListener).bind(instance) }];
    });
  }
}

/** Nest makes an instance of such a provider for each request; the one at hand never got its dependencies. */
function assertSingleton(
  wrapper: { isTransient: boolean; isDependencyTreeStatic(): boolean },
  label: string,
): void {
  if (!wrapper.isTransient && wrapper.isDependencyTreeStatic()) return;
  throw new MqError(
    'INVALID_ARGUMENT',
    `${label} is a @MessageListener of a request-scoped or transient provider, it must be of a singleton`,
  );
}

/** Two consumers of one group in one process would overwrite each other's subscription on the broker. */
function assertOneListenerPerGroup(listeners: readonly Listener[]): void {
  const labelByGroup = new Map<string, string>();
  for (const { label, options } of listeners) {
    const other = labelByGroup.get(options.consumerGroup);
    if (other !== undefined) {
      throw new MqError(
        'INVALID_ARGUMENT',
        `consumerGroup ${options.consumerGroup} is used by ${other} and by ${label}; members of a group must have the same subscription`,
      );
    }
    labelByGroup.set(options.consumerGroup, label);
  }
}
