import { isUnavailable } from '../../common/errors.ts';
import { HttpPeer, type PeerAnswer, type PeerRequest } from '../../common/http-peer.ts';
import { PROBE_HEADER } from '../../common/http-service.ts';
import { peerNames, type PeerName, type StorefrontConfig } from '../config.ts';

const probe = { [PROBE_HEADER]: '1' };

/** The services of the shop, as they are asked over HTTP. */
export class ShopServices {
  readonly #peers: ReadonlyMap<PeerName, HttpPeer>;

  constructor(settings: StorefrontConfig['peers']) {
    this.#peers = new Map(peerNames.map((name) => [name, new HttpPeer(settings[name])]));
  }

  of(name: PeerName): HttpPeer {
    return this.#peers.get(name)!;
  }

  /** Whatever the service answers. Errors: NAME.UNAVAILABLE. */
  pass(name: PeerName, request: PeerRequest): Promise<PeerAnswer> {
    return this.of(name).exchange(request);
  }

  /** For what is looked at again and again. Never throws: who does not answer in time is 503. */
  async ask(name: PeerName, path: string): Promise<Pick<PeerAnswer, 'status' | 'text'>> {
    try {
      return await this.of(name).exchange({ method: 'GET', path, headers: probe });
    } catch (error) {
      if (isUnavailable(error)) return { status: 503, text: '' };
      throw error;
    }
  }
}
