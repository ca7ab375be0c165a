import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { DomainError } from '../../common/errors.ts';
import { Gathering } from '../../common/gathering.ts';
import type { OrderRefund } from '../domain/order-refund.ts';
import type { Order } from '../domain/order.ts';
import { OrderRefundRepository } from '../persistence/order-refund.repository.ts';
import { OrderRepository } from '../persistence/order.repository.ts';

/** Errors: ORDER.NOT_FOUND. */
@Injectable()
export class FindOrder {
  readonly #finding = new Gathering<string, Order | undefined>({
    work: async (orderNos) => {
      const found = await this.orders.findAll(this.dataSource.manager, orderNos);
      return orderNos.map((orderNo) => found.get(orderNo));
    },
  });

  constructor(
    private readonly dataSource: DataSource,
    private readonly orders: OrderRepository,
    private readonly refunds: OrderRefundRepository,
  ) {}

  async execute(orderNo: string): Promise<Order> {
    const order = await this.#finding.add(orderNo);
    if (order === undefined) throw orderNotFound(orderNo);
    return order;
  }

  /** Oldest first. */
  async refundsOf(orderNo: string): Promise<OrderRefund[]> {
    await this.execute(orderNo);
    return this.refunds.ofOrder(this.dataSource.manager, orderNo);
  }
}

export function orderNotFound(orderNo: string): DomainError {
  return new DomainError('ORDER.NOT_FOUND', 'not_found', `there is no order ${orderNo}`);
}
