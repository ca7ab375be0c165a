import { Module, type DynamicModule, type Provider } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { Producer } from '../index.ts';
import { ListenerRunner } from './listener-runner.ts';
import { MillraceHealth } from './millrace-health.ts';
import {
  MILLRACE_OPTIONS,
  type MillraceModuleAsyncOptions,
  type MillraceModuleOptions,
} from './options.ts';

/**
 * Gives an application an injectable `Producer`, runs its `@MessageListener` methods, and stops both with
 * it. Call `app.enableShutdownHooks()` so that SIGTERM stops the application gracefully.
 */
@Module({})
export class MillraceModule {
  static forRoot(options: MillraceModuleOptions): DynamicModule {
    return moduleWith([{ provide: MILLRACE_OPTIONS, useValue: options }], []);
  }

  static forRootAsync(options: MillraceModuleAsyncOptions): DynamicModule {
    return moduleWith(
      [
        {
          provide: MILLRACE_OPTIONS,
          useFactory: options.useFactory,
          inject: options.inject ?? [],
        },
      ],
      options.imports ?? [],
    );
  }
}

function moduleWith(
  optionsProvider: Provider[],
  imports: NonNullable<MillraceModuleAsyncOptions['imports']>,
): DynamicModule {
  return {
    module: MillraceModule,
    global: true,
    imports: [DiscoveryModule, ...imports],
    providers: [
      ...optionsProvider,
      {
        provide: Producer,
        useFactory: (options: MillraceModuleOptions) => new Producer(options),
        inject: [MILLRACE_OPTIONS],
      },
      ListenerRunner,
      MillraceHealth,
    ],
    exports: [Producer, MillraceHealth],
  };
}
