import { describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { Producer } from '../../../mq/index.ts';
import { MessageListener, MillraceHealth, MillraceModule } from '../../../mq/nestjs/index.ts';
import { testBroker } from '../../../mq/testkit.ts';
import { until } from '../../support/deadline.ts';
import { startApplication } from './application-under-test.ts';

const TOPIC = 'NEST_HEALTH';

@Injectable()
class Listener {
  @MessageListener({ topic: TOPIC, consumerGroup: 'health' })
  async onEvent(): Promise<void> {}
}

describe('MillraceHealth', () => {
  it('is up with a broker, down and says why when it goes, and down after the end', async () => {
    const broker = await testBroker();
    await broker.createTopic(TOPIC);
    const { namesrvAddr } = broker;
    const app = await startApplication({
      imports: [MillraceModule.forRoot({ namesrvAddr, producerGroup: 'nest' })],
      providers: [Listener],
    });
    const health = app.get(MillraceHealth, { strict: false });
    await app
      .get(Producer, { strict: false })
      .send({ topic: TOPIC, body: 'known to the producer' });
    await until(() => health.check().status === 'up', { what: 'up with a broker' });

    await broker.close();
    await until(() => health.check().status === 'down', { what: 'down without one' });
    expect(health.check().reason).toContain('health');

    await app.close();
    expect(health.check()).toMatchObject({
      status: 'down',
      reason: expect.stringContaining('the producer is not running'),
    });
  });

  it('is up before the first send of an application without listeners', async () => {
    await using broker = await testBroker();
    const app = await startApplication({
      imports: [MillraceModule.forRoot({ namesrvAddr: broker.namesrvAddr, producerGroup: 'nest' })],
    });
    expect(app.get(MillraceHealth, { strict: false }).check()).toEqual({ status: 'up' });
    await app.close();
  });

  it('says which groups consume what', async () => {
    await using broker = await testBroker();
    await broker.createTopic(TOPIC);
    const app = await startApplication({
      imports: [MillraceModule.forRoot({ namesrvAddr: broker.namesrvAddr, producerGroup: 'nest' })],
      providers: [Listener],
    });
    const health = app.get(MillraceHealth, { strict: false });
    expect(health.consumers()).toEqual([{ topic: TOPIC, consumerGroup: 'health' }]);
    await app.close();
  });
});
