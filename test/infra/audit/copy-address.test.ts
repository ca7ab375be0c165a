import { expect, it } from '@jest/globals';
import { copyAddress } from '../../../infra/audit/copy-address.ts';

const source = 'mysql://root@127.0.0.1:3306';

it('the copy is looked for beside its source, or where sync was told to keep it', () => {
  expect(copyAddress(source, {})).toEqual({ databaseUrl: source, schema: 'millrace_copy' });
  const env = { COPY_DATABASE_URL: 'mysql://root@127.0.0.1:3307', COPY_DATABASE_SCHEMA: 'mine' };
  expect(copyAddress(source, env)).toEqual({
    databaseUrl: 'mysql://root@127.0.0.1:3307',
    schema: 'mine',
  });
});
