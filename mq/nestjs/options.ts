import type { ModuleMetadata } from '@nestjs/common';
import type { ClientOptions } from '../index.ts';

/** What `MillraceModule.forRoot` takes: the client's options plus the group of the injected Producer. */
export interface MillraceModuleOptions extends ClientOptions {
  producerGroup: string;
  /** How long running listeners may go on when the application stops; a listener may say otherwise. Default 10,000. */
  shutdownGraceMs?: number;
}

export interface MillraceModuleAsyncOptions extends Pick<ModuleMetadata, 'imports'> {
  // oxlint-disable-next-line typescript/no-explicit-any -- Nest passes whatever the tokens in `inject` resolve to
  useFactory: (...dependencies: any[]) => MillraceModuleOptions | Promise<MillraceModuleOptions>;
  // oxlint-disable-next-line typescript/no-explicit-any -- an injection token can be of any class
  inject?: any[];
}

/** Injection token of the module's options. */
export const MILLRACE_OPTIONS = Symbol('millrace.options');
