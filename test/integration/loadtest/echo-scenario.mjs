// What the load generator's own processes import in their tests: plain JavaScript, because they run compiled code.
const echo = { name: 'echo', service: 'echo', method: 'POST', path: '/echo', answers: [200, 409] };

const base = {
  about: 'asks a server of the test',
  defaults: { ratePerS: 100, durationS: 1, stock: 0, seed: 1 },
  backlogs: [],
  arrivals: ({ ratePerS, durationS }) => [{ fromPerS: ratePerS, toPerS: ratePerS, durationS }],
  thresholds: () => ({}),
  setUp: async () => ({}),
  persisted: () => ({ countSql: '' }),
  prove: async () => ({ persisted: 0, oversold: 0, lost: 0, duplicated: 0 }),
};

export const scenarios = {
  echo: {
    ...base,
    name: 'echo',
    warmUp: () => [{ fromPerS: 20, toPerS: 20, durationS: 0.5 }],
    flow: ({ ground, beforehand }) => {
      const nameOf = beforehand((number) => `${ground.prefix}${number}`);
      return async (visitor) => {
        const body = { name: nameOf(visitor.number), isWarmUp: visitor.isWarmUp };
        const answer = await visitor.send(echo, { body });
        visitor.count(answer.status === 409 ? 'refused' : 'accepted');
        if (answer.status === 200) visitor.keep('names', answer.json().name);
      };
    },
  },
  broken: {
    ...base,
    name: 'broken',
    flow: () => {
      throw new Error('this scenario cannot be prepared');
    },
  },
};
