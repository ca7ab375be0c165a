import { encodeJsonBody, JsonBody } from './json-body.ts';
import { readSubscription, subscriptionJson, type SubscriptionData } from './subscription.ts';

/** The body of CHECK_CLIENT_CONFIG: a subscription that a consumer is about to use. */
export interface ClientConfigBody {
  clientId: string;
  group: string;
  subscriptionData: SubscriptionData;
}

export function encodeClientConfigBody(body: ClientConfigBody): Buffer {
  return encodeJsonBody({
    clientId: body.clientId,
    group: body.group,
    subscriptionData: subscriptionJson(body.subscriptionData),
  });
}

/** Errors: INVALID_ARGUMENT naming the field. */
export function decodeClientConfigBody(body: Buffer | undefined): ClientConfigBody {
  const json = JsonBody.parse(body, 'ClientConfigBody');
  return {
    clientId: json.string('clientId'),
    group: json.string('group'),
    subscriptionData: readSubscription(json.object('subscriptionData')),
  };
}
