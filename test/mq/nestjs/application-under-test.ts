import 'reflect-metadata';
import { Module, type DynamicModule, type ModuleMetadata } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { INestApplicationContext } from '@nestjs/common';

@Module({})
class ApplicationModule {}

/** A Nest application without HTTP, around these imports and providers; its start has finished when this resolves. */
export function startApplication(parts: ModuleMetadata): Promise<INestApplicationContext> {
  const module: DynamicModule = { module: ApplicationModule, ...parts };
  return NestFactory.createApplicationContext(module, { logger: false, abortOnError: false });
}
