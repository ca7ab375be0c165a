import {
  readMode,
  type MessageRequestMode,
  type RequestModeSetting,
} from '../protocol/queue-assignment.ts';
import type { JsonConfigFile } from '../store/config-file.ts';
import { StateFile } from './state-file.ts';
import { storedInteger, storedObject } from './stored-json.ts';

export interface MessageRequestModesDeps {
  readonly file: Pick<JsonConfigFile, 'read' | 'write'>;
}

type Setting = Pick<RequestModeSetting, 'mode' | 'popShareQueueNum'>;

/**
 * Whether members of a group that ask for their assignment pull a topic or pop it, kept in messageRequestMode.json.
 *
 *     {"messageRequestModeMap":{"TopicA":{"g":{"consumerGroup":"g","mode":"POP","popShareQueueNum":0,"topic":"TopicA"}}}}
 *
 * Source: RocketMQ 5.3 MessageRequestModeManager.java.
 */
export class MessageRequestModes {
  readonly #table: Map<string, Map<string, Setting>>;
  readonly #state: StateFile;

  private constructor(deps: MessageRequestModesDeps, table: Map<string, Map<string, Setting>>) {
    this.#table = table;
    this.#state = new StateFile(deps.file, () => ({
      messageRequestModeMap: Object.fromEntries(
        Array.from(table, ([topic, groups]) => [
          topic,
          Object.fromEntries(
            Array.from(groups, ([consumerGroup, setting]) => [
              consumerGroup,
              { ...setting, consumerGroup, topic },
            ]),
          ),
        ]),
      ),
    }));
  }

  /** Errors: STORE_FAILED or INVALID_ARGUMENT when the file is not what it should be. */
  static async open(deps: MessageRequestModesDeps): Promise<MessageRequestModes> {
    return new MessageRequestModes(deps, readTable(await deps.file.read()));
  }

  get(topic: string, consumerGroup: string): Setting | undefined {
    return this.#table.get(topic)?.get(consumerGroup);
  }

  /** Settles when the setting would survive a restart; until then, and after a failure, the one before holds. */
  async set({ topic, consumerGroup, mode, popShareQueueNum }: RequestModeSetting): Promise<void> {
    const before = this.get(topic, consumerGroup);
    this.#put(topic, consumerGroup, { mode, popShareQueueNum });
    try {
      await this.#state.save();
    } catch (cause) {
      this.#put(topic, consumerGroup, before);
      throw cause;
    }
  }

  async removeTopic(topic: string): Promise<void> {
    if (!this.#table.delete(topic)) return;
    this.#state.noteChange();
    await this.#state.save();
  }

  async removeGroup(consumerGroup: string): Promise<void> {
    for (const topic of this.#table.keys()) this.#put(topic, consumerGroup, undefined);
    await this.#state.save();
  }

  #put(topic: string, consumerGroup: string, setting: Setting | undefined): void {
    const groups = this.#table.get(topic) ?? new Map<string, Setting>();
    if (setting === undefined) {
      if (!groups.delete(consumerGroup)) return;
    } else {
      groups.set(consumerGroup, setting);
    }
    if (groups.size === 0) this.#table.delete(topic);
    else this.#table.set(topic, groups);
    this.#state.noteChange();
  }
}

function readTable(stored: unknown): Map<string, Map<string, Setting>> {
  const file = 'messageRequestMode.json';
  const path = `${file}: messageRequestModeMap`;
  const topics = storedObject(storedObject(stored, file)['messageRequestModeMap'], path);
  return new Map(
    Object.entries(topics).map(([topic, groups]) => [
      topic,
      new Map(
        Object.entries(storedObject(groups, `${path}.${topic}`)).map(([group, value]) => {
          const at = `${path}.${topic}.${group}`;
          const setting = storedObject(value, at);
          const text = setting['mode'] ?? 'PULL';
          const mode: MessageRequestMode = readMode(
            typeof text === 'string' ? text : JSON.stringify(text),
          );
          const popShareQueueNum = storedInteger(setting['popShareQueueNum'], at, 0);
          return [group, { mode, popShareQueueNum }];
        }),
      ),
    ]),
  );
}
