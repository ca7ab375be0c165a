/** How long one of them takes to a figure that leaves out its start: at most, on a machine that is not overloaded. */
export const JAVA_CLIENT_S = 16;

/** Apache RocketMQ's own benchmark programs (org.apache.rocketmq.example.benchmark), against either broker. */
export interface JavaClients {
  /** Messages a second that its Producer has sent, as it says itself. */
  produce(load: JavaProducerLoad): Promise<number>;
  /** Messages a second that its Consumer has been given, as it says itself, of a topic that holds enough for that time. */
  consume(load: JavaConsumerLoad): Promise<number>;
}

interface JavaLoad {
  readonly namesrvAddr: string;
  readonly topic: string;
}

export interface JavaProducerLoad extends JavaLoad {
  readonly threads: number;
  readonly bodyBytes: number;
}

export interface JavaConsumerLoad extends JavaLoad {
  readonly threads: number;
}
