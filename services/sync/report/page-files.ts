import { PageFiles } from '../../common/page-files.ts';

export const pageFiles = new PageFiles('sync/report/page', [
  'index.html',
  'report.css',
  'report.js',
]);
