import { describe, expect, it } from '@jest/globals';
import { DomainError } from '../../../../services/common/errors.ts';
import type { HttpPeer } from '../../../../services/common/http-peer.ts';
import { FlashOrderDesk } from '../../../../services/flashsale/keeper/flash-order-desk.ts';

const order = (ticketNo: string) => ({
  ticketNo,
  saleId: '20261130-SALE00000000',
  sku: 'MUG-BLUE',
  userId: 'user-1',
  quantity: 1,
});
const orders = [order('20261130-000000000001'), order('20261130-000000000002')];

function deskOf(answer: () => unknown): FlashOrderDesk {
  const asked: Pick<HttpPeer, 'post'> = { post: async () => answer() };
  return new FlashOrderDesk(asked as HttpPeer);
}

describe('the answer of the order service', () => {
  it('says of each ticket what became of it', async () => {
    const desk = deskOf(() => ({
      items: [
        { ticketNo: orders[0]!.ticketNo, status: 'ORDERED' },
        {
          ticketNo: orders[1]!.ticketNo,
          status: 'REFUSED',
          code: 'STOCK.INSUFFICIENT',
          reason: 'r',
        },
      ],
    }));
    const { saleId } = orders[0]!;
    expect(await desk.place(orders)).toEqual([
      { ticketNo: orders[0]!.ticketNo, saleId, refusal: undefined },
      {
        ticketNo: orders[1]!.ticketNo,
        saleId,
        refusal: { code: 'STOCK.INSUFFICIENT', reason: 'r' },
      },
    ]);
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['something else', { ok: true }],
    ['one ticket only', { items: [{ ticketNo: orders[0]!.ticketNo, status: 'ORDERED' }] }],
    [
      'them in another order',
      {
        items: [
          { ticketNo: orders[1]!.ticketNo, status: 'ORDERED' },
          { ticketNo: orders[0]!.ticketNo, status: 'ORDERED' },
        ],
      },
    ],
    [
      'a status nobody knows',
      {
        items: orders.map(({ ticketNo }) => ({ ticketNo, status: 'PERHAPS' })),
      },
    ],
  ])('that names %s counts as none', async (_, answer) => {
    await expect(deskOf(() => answer).place(orders)).rejects.toMatchObject({
      code: 'ORDER.UNAVAILABLE',
      kind: 'unavailable',
    });
  });

  it('that refuses the whole batch says nothing about any ticket: it is asked again', async () => {
    const desk = deskOf(() => {
      throw new DomainError('REQUEST.INVALID', 'invalid', 'no');
    });
    await expect(desk.place(orders)).rejects.toMatchObject({ code: 'ORDER.UNAVAILABLE' });
  });
});
