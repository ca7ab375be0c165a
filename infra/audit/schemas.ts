/** The schema of each service, as told to the services and read by the audit. */
export const schemas = {
  order: 'millrace_order',
  coupon: 'millrace_coupon',
  push: 'millrace_push',
  stock: 'millrace_stock',
  payment: 'millrace_payment',
  points: 'millrace_points',
  warehouse: 'millrace_warehouse',
  refund: 'millrace_refund',
  'third-party': 'millrace_third_party',
  flashsale: 'millrace_flashsale',
  sync: 'millrace_sync',
} as const;

export type ServiceName = keyof typeof schemas;
export type Schemas = Readonly<Record<ServiceName, string>>;

/** The schema whose binlog is followed, and the copy that comes of it. */
export const followedSchema = schemas.order;
export const copySchema = 'millrace_copy';
