import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { IsInt, Matches, Max, Min, ValidateBy } from 'class-validator';

/** A number the other side chose: at most as long as a message key. */
export function Reference(example: string): PropertyDecorator {
  return applyDecorators(
    ApiProperty({ example }),
    Matches(/^[\x21-\x7e]{1,64}$/, { message: 'must be 1 to 64 visible ASCII characters' }),
  );
}

export function AmountMinor(): PropertyDecorator {
  const message = 'must be a whole number of minor units (cents) from 1 to 2^53 - 1';
  return applyDecorators(
    ApiProperty({ example: 1_380, minimum: 1, description: 'In minor units (cents)' }),
    IsInt({ message }),
    Min(1, { message }),
    Max(Number.MAX_SAFE_INTEGER, { message }),
  );
}

export function Currency(): PropertyDecorator {
  return applyDecorators(
    ApiProperty({ example: 'EUR' }),
    Matches(/^[A-Z]{3}$/, { message: 'must be 3 letters A-Z' }),
  );
}

const MAX_URL_CHARACTERS = 512;

/** Any host: the channel calls where it is told to. Without a user, whom fetch would refuse to name. */
export function CallbackUrl(): PropertyDecorator {
  return applyDecorators(
    ApiProperty({ example: 'http://127.0.0.1:3005/channel-callbacks' }),
    ValidateBy({
      name: 'callbackUrl',
      validator: {
        validate: isCallbackUrl,
        defaultMessage: () =>
          `must be an http URL of at most ${MAX_URL_CHARACTERS} visible ASCII characters, without a user`,
      },
    }),
  );
}

function isCallbackUrl(value: unknown): boolean {
  if (typeof value !== 'string' || value.length > MAX_URL_CHARACTERS) return false;
  if (!/^[\x21-\x7e]+$/.test(value) || !URL.canParse(value)) return false;
  const { protocol, username, password } = new URL(value);
  const isHttp = protocol === 'http:' || protocol === 'https:';
  return isHttp && username === '' && password === '';
}
