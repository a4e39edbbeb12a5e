import 'reflect-metadata';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { done, started } from './started.js';

done('imports');

@Injectable()
class BenchService {}

@Module({ providers: [BenchService] })
class BenchModule {}

await NestFactory.createApplicationContext(BenchModule, { logger: false });
done('modules');
started();
