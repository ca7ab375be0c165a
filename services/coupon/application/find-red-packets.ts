import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { RedPacket } from '../domain/red-packet.ts';
import { RedPacketRepository } from '../persistence/red-packet.repository.ts';

@Injectable()
export class FindRedPackets {
  constructor(
    private readonly dataSource: DataSource,
    private readonly packets: RedPacketRepository,
  ) {}

  ofOrder(orderNo: string): Promise<RedPacket[]> {
    return this.packets.ofOrder(this.dataSource.manager, orderNo);
  }
}
