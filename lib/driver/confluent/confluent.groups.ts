import type { PartitionPosition } from '../broker-admin.js';
import type { GroupClient, GroupState } from '../kafka/admin-client.js';
import type { AdminClientParts } from './confluent.admin-client.js';
import { ConfluentGroupClient } from './confluent.group-client.js';

/**
 * Groups, asked through kafkajs where it is installed. librdkafka (2.15.1) keeps asking a coordinator that has left the cluster, and ends the
 * process (`rd_kafka_enq_once_del_source_return`, an assertion) when one that did not answer in time is back.
 */
export class ConfluentGroups implements GroupClient {
  private readonly native: ConfluentGroupClient;

  constructor(private readonly parts: AdminClientParts) {
    this.native = new ConfluentGroupClient(parts);
  }

  async list(): Promise<readonly string[]> {
    return (await this.client()).list();
  }

  /** Of a group of the newer protocol (KIP-848) kafkajs sees no members. */
  async state(groupId: string): Promise<GroupState | undefined> {
    const found = await (await this.client()).state(groupId);
    return found?.members === null ? this.native.state(groupId) : found;
  }

  async positions(groupId: string): Promise<ReadonlyMap<string, ReadonlyMap<number, string>>> {
    return (await this.client()).positions(groupId);
  }

  async move(groupId: string, topic: string, positions: readonly PartitionPosition[]): Promise<void> {
    return (await this.client()).move(groupId, topic, positions);
  }

  async delete(groupId: string): Promise<void> {
    return (await this.client()).delete(groupId);
  }

  private async client(): Promise<GroupClient> {
    return (await this.parts.kafkajs.find())?.groups ?? this.native;
  }
}
