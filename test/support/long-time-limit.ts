import { jest } from '@jest/globals';

/** Real processes on a busy machine: a bound on a broken run, not a measurement of a good one. */
jest.setTimeout(300_000);
