/** Where each service listens unless PORT says otherwise, and where the others look for it unless its URL is set. */
export const servicePorts = {
  order: 3001,
  coupon: 3002,
  push: 3003,
  stock: 3004,
  payment: 3005,
  points: 3006,
  warehouse: 3007,
  refund: 3008,
  'third-party': 3009,
  flashsale: 3010,
  sync: 3011,
  storefront: 8080,
} as const;

export type ServiceName = keyof typeof servicePorts;
