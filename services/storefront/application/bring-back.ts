import { Injectable } from '@nestjs/common';
import { ShopServices } from './shop-services.ts';

interface Shipment {
  readonly shipmentNo: string;
  readonly returns: readonly { readonly refundNo: string; readonly status: string }[];
}

/** Hands in at the warehouse what the refunds of an order wait for. */
@Injectable()
export class BringBack {
  constructor(private readonly services: ShopServices) {}

  /** Returns for how many refunds goods came back; 0: none is waited for. Errors: WAREHOUSE.UNAVAILABLE. */
  async execute(orderNo: string): Promise<number> {
    const warehouse = this.services.of('warehouse');
    const query = `orderNo=${encodeURIComponent(orderNo)}`;
    const { items } = (await warehouse.get(`/shipments?${query}`)) as { items: Shipment[] };
    const awaited = items.flatMap(({ shipmentNo, returns }) =>
      returns
        .filter(({ status }) => status === 'AWAITED')
        .map(({ refundNo }) => ({ shipmentNo, refundNo })),
    );
    for (const { shipmentNo, refundNo } of awaited) {
      await warehouse.post(`/shipments/${shipmentNo}/return-receipts`, { refundNo });
    }
    return awaited.length;
  }
}
