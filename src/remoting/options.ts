import { type OptionsOf, type OptionType, option, optionTypes } from '../base/index.ts';

const { boolean, choice, optionalPath } = optionTypes;

/** Read, never shown: the answer to a tool that asks for the configuration goes to anybody. */
const password: OptionType<string | undefined> = {
  name: 'text, never shown',
  parse: (input) => ({ value: input === '' ? undefined : input }),
  format: (value) => (value === undefined ? '' : '******'),
};

/** How a server encrypts. The keys are those of RocketMQ's `tls.properties`. Source: `TlsSystemConfig`, `TlsHelper`. */
export const tlsServerOptions = {
  tlsMode: option({
    key: 'tls.server.mode',
    type: choice('disabled', 'permissive', 'enforcing'),
    default: 'permissive',
    description:
      'Connections with TLS: `disabled` none, `permissive` beside plain ones on the same port, `enforcing` no others.',
  }),
  tlsTestMode: option({
    key: 'tls.test.mode.enable',
    type: boolean,
    default: true,
    description:
      'Whether a certificate that proves nothing is made at the start when there is no other; where key and certificate are given, they are used.',
  }),
  tlsKeyPath: option({
    key: 'tls.server.keyPath',
    type: optionalPath,
    default: undefined,
    description: 'PEM file of the private key of the server.',
  }),
  tlsKeyPassword: option({
    key: 'tls.server.keyPassword',
    type: password,
    default: undefined,
    description: 'Password of that key, if it has one.',
  }),
  tlsCertificatePath: option({
    key: 'tls.server.certPath',
    type: optionalPath,
    default: undefined,
    description: 'PEM file of the certificate of the server, followed by those that vouch for it.',
  }),
  tlsClientAuth: option({
    key: 'tls.server.need.client.auth',
    type: choice('none', 'optional', 'require'),
    default: 'none',
    description: 'Whether clients must show a certificate; other than `none` needs `authClient`.',
  }),
  tlsCheckClient: option({
    key: 'tls.server.authClient',
    type: boolean,
    default: false,
    description: 'Whether certificates of clients are checked.',
  }),
  tlsTrustedPath: option({
    key: 'tls.server.trustCertPath',
    type: optionalPath,
    default: undefined,
    description:
      'PEM file of the certificates that vouch for clients; empty is those of the system.',
  }),
} as const;
export type TlsServerOptions = OptionsOf<typeof tlsServerOptions>;

/** How a process encrypts the connections that it opens. */
export const tlsClientOptions = {
  tlsToServers: option({
    key: 'tls.enable',
    type: boolean,
    default: false,
    description: 'Whether connections to name servers are encrypted.',
  }),
  tlsCheckServer: option({
    key: 'tls.client.authServer',
    type: boolean,
    default: false,
    description: 'Whether their certificates are checked, with the name of the host.',
  }),
  tlsTrustedServersPath: option({
    key: 'tls.client.trustCertPath',
    type: optionalPath,
    default: undefined,
    description: 'PEM file of the certificates that vouch for them; empty is those of the system.',
  }),
  tlsClientKeyPath: option({
    key: 'tls.client.keyPath',
    type: optionalPath,
    default: undefined,
    description: 'PEM file of the private key for servers that want to see a certificate.',
  }),
  tlsClientKeyPassword: option({
    key: 'tls.client.keyPassword',
    type: password,
    default: undefined,
    description: 'Password of that key, if it has one.',
  }),
  tlsClientCertificatePath: option({
    key: 'tls.client.certPath',
    type: optionalPath,
    default: undefined,
    description: 'PEM file of that certificate.',
  }),
} as const;
export type TlsClientOptions = OptionsOf<typeof tlsClientOptions>;
