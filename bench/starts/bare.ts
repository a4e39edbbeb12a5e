import 'reflect-metadata';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { started } from './started.js';

@Injectable()
class BenchService {}

@Module({ providers: [BenchService] })
class BenchModule {}

await NestFactory.createApplicationContext(BenchModule, { logger: false });
started();
