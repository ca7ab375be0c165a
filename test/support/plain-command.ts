import type { RemotingCommand } from '../../mq/protocol/frame.ts';

/** A command as an object of nothing but its members: a received send makes its extFields when they are asked for. */
export function plainCommand(command: RemotingCommand): RemotingCommand {
  const { code, language, version, opaque, flag, remark, body, serializeType } = command;
  const extFields = command.extFields && { ...command.extFields };
  return { code, language, version, opaque, flag, remark, body, serializeType, extFields };
}
