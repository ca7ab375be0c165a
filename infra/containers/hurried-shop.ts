import { hurriedBroker, hurriedServices } from '../demo/pace.ts';

/** Where the coupon service finds its database in the check: the container that plays the demo, which can close this way. */
export const couponGate = { host: 'coupon-gate', port: 3306 };

/**
 * What the compose file of the shop is overridden with where it is to be in a hurry: the same settings as the demo's without
 * containers, on a broker of ours or on one that has its own pace. A compose file itself; YAML takes JSON.
 */
export function hurriedShop(seed: number, isOwnBroker: boolean): object {
  const settings = hurriedServices(isOwnBroker, seed);
  const services = Object.entries(settings).map(([name, environment]) => [name, { environment }]);
  const broker = Object.fromEntries(
    Object.entries(hurriedBroker).map(([setting, value]) => [variableOf(setting), String(value)]),
  );
  const { coupon, ...others } = Object.fromEntries(services) as Record<string, object>;
  const { host, port } = couponGate;
  return {
    services: {
      ...others,
      coupon: {
        ...coupon,
        // `$$` is a dollar to compose: the URL, with its password, is known in the container alone.
        command: [
          'bash',
          '-c',
          `DATABASE_URL=$$(sed 's/^DATABASE_URL=//; s/@mariadb:3306$$/@${host}:${port}/' /run/millrace/secrets/database/secret.env)
           export DATABASE_URL
           exec node services/dist/coupon/main.js`,
        ],
      },
      ...(isOwnBroker && { broker: { environment: broker } }),
    },
  };
}

/** messageDelayLevel → MILLRACE_MESSAGE_DELAY_LEVEL, as the broker derives it. */
function variableOf(setting: string): string {
  return `MILLRACE_${setting.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase()}`;
}
