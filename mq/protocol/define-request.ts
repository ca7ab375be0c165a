import { MqError } from '../errors.ts';
import type { Field } from './fields.ts';
import type { ExtFields } from './frame.ts';
import { describeRequestCode } from './request-code.ts';

// oxlint-disable-next-line typescript/no-explicit-any -- `any` is what lets a table hold fields of every type
export type FieldTable = Readonly<Record<string, Field<any>>>;

type ValueOf<F> = F extends Field<infer T> ? T : never;
type OptionalKeys<T extends FieldTable> = {
  [K in keyof T]: undefined extends ValueOf<T[K]> ? K : never;
}[keyof T];

/** The values a table of fields describes; optional fields may be left out. */
export type ValuesOf<T extends FieldTable> = {
  [K in Exclude<keyof T, OptionalKeys<T>>]: ValueOf<T[K]>;
} & {
  [K in OptionalKeys<T>]?: ValueOf<T[K]>;
};

export interface RequestDefinition<Q extends FieldTable, S extends FieldTable> {
  readonly code: number;
  encodeRequest(values: ValuesOf<Q>): ExtFields | undefined;
  /** Errors: INVALID_ARGUMENT naming the request, the field and what is wrong with it. */
  decodeRequest(ext: ExtFields | undefined): ValuesOf<Q>;
  encodeResponse(values: ValuesOf<S>): ExtFields | undefined;
  decodeResponse(ext: ExtFields | undefined): ValuesOf<S>;
}

// oxlint-disable-next-line typescript/no-explicit-any -- only to infer the field tables back
export type RequestOf<D> = D extends RequestDefinition<infer Q, any> ? ValuesOf<Q> : never;
// oxlint-disable-next-line typescript/no-explicit-any -- only to infer the field tables back
export type ResponseOf<D> = D extends RequestDefinition<any, infer S> ? ValuesOf<S> : never;

/**
 * Defines one request of the protocol. The table is the encoder, the decoder, the required-field check and
 * the TypeScript type at once; client and broker import the same definition.
 *
 * Unknown fields of a peer are ignored: newer peers add routing fields (`bname`, `ns`, …) to most requests.
 */
export function defineRequest<const Q extends FieldTable, const S extends FieldTable>(table: {
  code: number;
  request: Q;
  response: S;
}): RequestDefinition<Q, S> {
  const label = describeRequestCode(table.code);
  const request = compile(table.request, label);
  const response = compile(table.response, `reply to ${label}`);
  return {
    code: table.code,
    encodeRequest: (values) => encode(request, values),
    decodeRequest: (ext) => decode(request, ext) as ValuesOf<Q>,
    encodeResponse: (values) => encode(response, values),
    decodeResponse: (ext) => decode(response, ext) as ValuesOf<S>,
  };
}

interface CompiledField {
  property: string;
  wireName: string;
  field: Field<unknown>;
}

interface CompiledTable {
  label: string;
  fields: readonly CompiledField[];
}

function compile(table: FieldTable, label: string): CompiledTable {
  const fields = Object.entries(table).map(([property, field]) => ({
    property,
    wireName: field.wireName ?? property,
    field: field as Field<unknown>,
  }));
  return { label, fields };
}

/** A request without header fields has no extFields at all, as Java peers write it. */
function encode(table: CompiledTable, values: Record<string, unknown>): ExtFields | undefined {
  let ext: ExtFields | undefined;
  for (const { property, wireName, field } of table.fields) {
    const value = values[property];
    if (value === undefined) {
      if (field.isOptional) continue;
      throw new MqError('INVALID_ARGUMENT', `${table.label}: ${property} is missing`);
    }
    ext ??= {};
    try {
      ext[wireName] = field.encode(value);
    } catch (cause) {
      throw explain(table, property, cause);
    }
  }
  return ext;
}

function decode(table: CompiledTable, ext: ExtFields | undefined): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const { property, wireName, field } of table.fields) {
    const text = ext?.[wireName];
    if (text === undefined) {
      if (field.isOptional) continue;
      const name = wireName === property ? property : `${property} (${wireName})`;
      throw new MqError('INVALID_ARGUMENT', `${table.label}: required field ${name} is missing`);
    }
    try {
      values[property] = field.decode(text);
    } catch (cause) {
      throw explain(table, property, cause);
    }
  }
  return values;
}

function explain(table: CompiledTable, property: string, cause: unknown): MqError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new MqError('INVALID_ARGUMENT', `${table.label}: ${property}: ${reason}`, { cause });
}
