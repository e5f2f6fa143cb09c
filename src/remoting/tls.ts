import {
  type ClientTls,
  type Disk,
  describeError,
  Failure,
  type ServerTls,
  type TlsIdentity,
} from '../base/index.ts';
import type { TlsClientOptions, TlsServerOptions } from './options.ts';

/** What `Network.listen` needs. Fails `invalid` for options that do not fit together, or files that cannot be read. */
export async function readServerTls(
  options: TlsServerOptions,
  disk: Disk,
): Promise<ServerTls | undefined> {
  const { tlsMode: mode, tlsClientAuth: clientAuth } = options;
  if (mode === 'disabled') return undefined;
  if (clientAuth !== 'none' && !options.tlsCheckClient) {
    throw new Failure(
      'invalid',
      `tls.server.need.client.auth=${clientAuth} needs tls.server.authClient=true: a certificate that is not checked proves nothing`,
    );
  }
  const identity = await readIdentity('tls.server', disk, {
    keyPath: options.tlsKeyPath,
    keyPassword: options.tlsKeyPassword,
    certificatePath: options.tlsCertificatePath,
  });
  if (identity === undefined && !options.tlsTestMode) {
    throw new Failure(
      'invalid',
      'tls.test.mode.enable=false needs tls.server.keyPath and tls.server.certPath, or tls.server.mode=disabled',
    );
  }
  const trusted = await readPem('tls.server.trustCertPath', options.tlsTrustedPath, disk);
  return { mode, identity, clientAuth, trusted };
}

/** What `Network.connect` needs; undefined without encryption. Fails as `readServerTls`. */
export async function readClientTls(
  options: TlsClientOptions,
  disk: Disk,
): Promise<ClientTls | undefined> {
  if (!options.tlsToServers) return undefined;
  const identity = await readIdentity('tls.client', disk, {
    keyPath: options.tlsClientKeyPath,
    keyPassword: options.tlsClientKeyPassword,
    certificatePath: options.tlsClientCertificatePath,
  });
  const { tlsTrustedServersPath, tlsCheckServer: checkServer } = options;
  const trusted = await readPem('tls.client.trustCertPath', tlsTrustedServersPath, disk);
  return { checkServer, identity, trusted };
}

async function readIdentity(
  prefix: string,
  disk: Disk,
  paths: {
    readonly keyPath: string | undefined;
    readonly keyPassword: string | undefined;
    readonly certificatePath: string | undefined;
  },
): Promise<TlsIdentity | undefined> {
  const key = await readPem(`${prefix}.keyPath`, paths.keyPath, disk);
  const certificate = await readPem(`${prefix}.certPath`, paths.certificatePath, disk);
  if (key !== undefined && certificate !== undefined) {
    return { key, certificate, keyPassword: paths.keyPassword };
  }
  if (key === undefined && certificate === undefined) return undefined;
  throw new Failure('invalid', `${prefix}.keyPath and ${prefix}.certPath need each other`);
}

/** Far beyond every chain of certificates. */
const maxPemBytes = 1024 * 1024;

async function readPem(
  key: string,
  path: string | undefined,
  disk: Disk,
): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    await using file = await disk.open(path, 'read');
    const bytes = new Uint8Array(Math.min(await file.size(), maxPemBytes));
    await file.read(bytes, 0);
    return new TextDecoder().decode(bytes);
  } catch (error) {
    throw new Failure('invalid', `${key}=${path} cannot be read: ${describeError(error)}`);
  }
}
