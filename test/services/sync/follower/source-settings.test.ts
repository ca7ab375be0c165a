import { expect, it } from '@jest/globals';
import { settingProblems } from '../../../../services/sync/follower/source-settings.ts';

const right = [
  ['log_bin', 'ON'],
  ['binlog_format', 'ROW'],
  ['binlog_row_image', 'FULL'],
  ['binlog_row_metadata', 'FULL'],
] as const;
const MARIADB = '10.11.19-MariaDB-log';

it('finds nothing wrong with a server that is set right', () => {
  expect(settingProblems(new Map(right), MARIADB)).toEqual([]);
});

it('names every variable that is wrong, what it is and what it must be', () => {
  const found = new Map<string, string>([
    ...right,
    ['log_bin', 'OFF'],
    ['binlog_row_metadata', 'NO_LOG'],
  ]);
  expect(settingProblems(found, MARIADB)).toEqual([
    'log_bin is OFF, it must be ON',
    'binlog_row_metadata is NO_LOG, it must be FULL',
  ]);
});

it('says so of a server that does not know a variable, or is none of MariaDB', () => {
  expect(settingProblems(new Map(right.slice(0, 3)), '8.4.5')).toEqual([
    'binlog_row_metadata is unknown to this server, it must be FULL',
    'the server is 8.4.5, it must be a MariaDB',
  ]);
});
