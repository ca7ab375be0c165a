import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { DomainError } from '../../common/errors.ts';
import type { Order } from '../domain/order.ts';
import { OrderRepository } from '../persistence/order.repository.ts';

/** Errors: ORDER.NOT_FOUND. */
@Injectable()
export class FindOrder {
  constructor(
    private readonly dataSource: DataSource,
    private readonly orders: OrderRepository,
  ) {}

  async execute(orderNo: string): Promise<Order> {
    const order = await this.orders.find(this.dataSource.manager, orderNo);
    if (order === undefined) throw orderNotFound(orderNo);
    return order;
  }
}

export function orderNotFound(orderNo: string): DomainError {
  return new DomainError('ORDER.NOT_FOUND', 'not_found', `there is no order ${orderNo}`);
}
