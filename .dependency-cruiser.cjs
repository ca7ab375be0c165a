const { Visitor } = require('@swc/core/Visitor.js');

// swc parses `using` and `await using`, but the visitor that comes with it throws on them.
// oxlint-disable-next-line typescript/unbound-method -- called with its own `this` below
const { visitStatement } = Visitor.prototype;
Visitor.prototype.visitStatement = function visitStatementOrUsing(statement) {
  if (statement.type !== 'UsingDeclaration') return visitStatement.call(this, statement);
  return { ...statement, decls: this.visitVariableDeclarators(statement.decls) };
};

/** The layers of the repository. One rule each, so that a violation names the rule it broke. */
const noPackages = {
  dependencyTypes: ['npm', 'npm-dev', 'npm-optional', 'npm-peer', 'npm-no-pkg', 'npm-unknown'],
};

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'Two modules that need each other are one module, or lack a third.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-orphans',
      comment: 'A module that nothing imports and that is no entry point is dead.',
      severity: 'error',
      from: {
        orphan: true,
        path: '^(mq|services|infra|loadtest)/',
        pathNot: [
          '(^|/)main[.]ts$',
          '^mq/bin/millrace[.]js$',
          '^infra/bootstrap[.]mjs$',
          '/migrations/',
          // A browser loads it.
          '^services/(sync/report|storefront)/page/',
        ],
      },
      to: {},
    },
    {
      name: 'product-never-imports-tests',
      severity: 'error',
      from: { path: '^(mq|services|infra|loadtest)/' },
      to: { path: '^test/' },
    },
    {
      name: 'protocol-is-bytes-only',
      comment: 'Bytes and names: no sockets, files or timers, no other layer.',
      severity: 'error',
      from: { path: '^mq/protocol/' },
      to: {
        path: '^(mq|services|infra|loadtest)/|^(node:)?(net|fs|fs/promises|tls|timers|timers/promises|dgram|http)$',
        pathNot: '^mq/(protocol/|errors[.]ts$)',
      },
    },
    {
      name: 'remoting-knows-protocol-only',
      severity: 'error',
      from: { path: '^mq/remoting/' },
      to: {
        path: '^(mq|services)/',
        pathNot: '^mq/(remoting|protocol)/|^mq/(errors|clock|logger)[.]ts$',
      },
    },
    {
      name: 'store-knows-protocol-only',
      severity: 'error',
      from: { path: '^mq/store/' },
      to: {
        path: '^(mq|services)/',
        pathNot: '^mq/(store|protocol)/|^mq/(errors|clock|logger|duration-histogram)[.]ts$',
      },
    },
    {
      name: 'namesrv-needs-no-store-broker-or-client',
      severity: 'error',
      from: { path: '^mq/namesrv/' },
      to: {
        path: '^(mq|services)/',
        // The one file of store it may use writes JSON atomically; it knows nothing of messages.
        pathNot:
          '^mq/(namesrv|metrics|remoting|protocol)/|^mq/store/(config-file|files)[.]ts$|^mq/(errors|clock|logger|config-options)[.]ts$',
      },
    },
    {
      name: 'broker-needs-no-client-or-namesrv',
      severity: 'error',
      from: { path: '^mq/broker/' },
      to: {
        path: '^(mq|services)/',
        pathNot:
          '^mq/(broker|metrics|store|remoting|protocol)/|^mq/(errors|clock|logger|rates|config-options)[.]ts$',
      },
    },
    {
      name: 'metrics-know-no-server',
      comment: 'What every server of ours shows of itself; what it is, the server says.',
      severity: 'error',
      from: { path: '^mq/metrics/' },
      to: {
        path: '^(mq|services)/',
        pathNot:
          '^mq/(metrics|remoting|protocol)/|^mq/(clock|errors|logger|config-options|duration-histogram)[.]ts$',
      },
    },
    {
      name: 'client-needs-no-server',
      severity: 'error',
      from: { path: '^mq/(client/|index[.]ts$)' },
      to: {
        path: '^(mq|services)/',
        // The one file of store it may use keeps a broadcasting consumer's progress; it knows nothing of messages.
        pathNot:
          '^mq/(client|remoting|protocol)/|^mq/store/(config-file|files)[.]ts$|^mq/(errors|clock|logger|rates|duration-histogram)[.]ts$',
      },
    },
    {
      name: 'the-client-installs-alone',
      comment: 'protocol, remoting, store and client have no npm runtime dependency.',
      severity: 'error',
      from: { path: '^mq/(protocol|remoting|store|client|metrics|namesrv|broker)/' },
      to: noPackages,
    },
    {
      name: 'mq-knows-no-shop',
      severity: 'error',
      from: { path: '^mq/' },
      to: { path: '^(services|infra|loadtest)/' },
    },
    {
      name: 'service-is-an-island',
      severity: 'error',
      from: { path: '^services/([^/]+)/' },
      to: {
        path: '^(mq|services)/',
        pathNot: '^services/($1|common|contracts)/|^mq/(index|server|testkit|nestjs/index)[.]ts$',
      },
    },
    {
      name: 'services-enter-mq-through-common',
      severity: 'error',
      from: { path: '^services/', pathNot: '^services/common/' },
      to: { path: '^mq/' },
    },
    {
      name: 'common-knows-no-service',
      severity: 'error',
      from: { path: '^services/(common|contracts)/' },
      to: { path: '^services/', pathNot: '^services/(common|contracts)/' },
    },
    {
      name: 'contracts-are-plain',
      comment: 'Topics and payload types, readable without a framework.',
      severity: 'error',
      from: { path: '^services/contracts/' },
      to: {
        pathNot:
          '^services/(contracts/|common/(money|errors|outgoing-event)[.]ts$)|^(node:)?crypto$',
      },
    },
    {
      name: 'infra-stands-outside',
      comment:
        'What starts and audits the shop has no code in common with it, but for what it promises.',
      severity: 'error',
      from: { path: '^infra/' },
      to: { path: '^services/', pathNot: '^services/contracts/' },
    },
    {
      name: 'loadtest-stands-outside',
      comment: 'What loads the shop knows of it what its customers know: contracts, and HTTP.',
      severity: 'error',
      from: { path: '^loadtest/' },
      to: {
        path: '^(mq|services|infra)/',
        pathNot: '^services/contracts/|^mq/(index|server|testkit)[.]ts$',
      },
    },
    {
      name: 'domain-is-plain-typescript',
      severity: 'error',
      from: { path: '^services/([^/]+)/domain/' },
      to: { pathNot: '^services/($1/domain/|common/(money|errors)[.]ts$)|^(node:)?crypto$' },
    },
  ],
  options: {
    parser: 'swc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/|^[.]millrace/|^test/interop/(java|go)/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['millrace-source', 'import', 'node', 'default'],
    },
  },
};
