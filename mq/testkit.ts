/** An in-process broker for other people's tests. */
import { awake } from './testkit/awake.ts';
import { TestBroker, type TestBrokerOptions } from './testkit/test-broker.ts';

export type { DelayedMessage } from './testkit/delayed-messages.ts';
export type { Duration } from './testkit/duration.ts';
export type { Fault, FaultScope, FaultyRequest } from './testkit/fault.ts';
export type { DropOptions, Faults, RefuseOptions, ReplyFaultOptions } from './testkit/faults.ts';
export type { DrainOptions } from './testkit/group-waits.ts';
export type { MessagesOptions, TestBroker, TestBrokerOptions } from './testkit/test-broker.ts';
export type { TestClock } from './testkit/test-clock.ts';
export type { WaitOptions } from './testkit/waiting.ts';

/**
 * Starts a name server and a broker in this process, on free ports, with a store in a temporary directory.
 *
 *     await using mq = await testBroker();
 *     await using producer = new Producer({ namesrvAddr: mq.namesrvAddr, producerGroup: 'test' });
 *
 * Topics are created when first used. The default is ASYNC_FLUSH: a test does not survive a power cut. Any number of
 * them run side by side.
 */
export async function testBroker(options: TestBrokerOptions = {}): Promise<TestBroker> {
  return await awake(() => TestBroker.start(options));
}
