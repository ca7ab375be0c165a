/** Apache RocketMQ's own benchmark programs (org.apache.rocketmq.example.benchmark), against either broker. */
export interface JavaClients {
  /** Messages a second that its Producer has sent, as it says itself. */
  produce(load: JavaProducerLoad): Promise<number>;
  /** Messages a second that its Consumer has been given, as it says itself, of a topic that holds enough for `seconds`. */
  consume(load: JavaConsumerLoad): Promise<number>;
}

interface JavaLoad {
  readonly namesrvAddr: string;
  readonly topic: string;
  readonly seconds: number;
}

export interface JavaProducerLoad extends JavaLoad {
  readonly threads: number;
  readonly bodyBytes: number;
}

export interface JavaConsumerLoad extends JavaLoad {
  readonly threads: number;
}
