// An identity provider on loopback: provider.mjs PORT. Access tokens by client_credentials, as JWT for the resource
// urn:postern and opaque for urn:opaque; discovery, key set, introspection. HUP rotates its signing keys.
import { createRequire } from 'node:module';
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { pathToFileURL } from 'node:url';

const require = createRequire(process.env.OIDC_MODULES + '/');
const { default: Provider } = await import(pathToFileURL(require.resolve('oidc-provider')));
const port = Number(process.argv[2]);
let round = 0;

function key(type, options, more) {
  const jwk = generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' });
  return { ...jwk, ...more, use: 'sig', kid: `${more.alg}-${round}` };
}

function make() {
  round += 1;
  const keys = [
    key('rsa', { modulusLength: 2048 }, { alg: 'RS256' }),
    key('ec', { namedCurve: 'P-256' }, { alg: 'ES256' }),
    key('ed25519', {}, { alg: 'EdDSA' }),
  ];
  const provider = new Provider(`http://127.0.0.1:${port}`, {
    jwks: { keys },
    scopes: ['infer', 'admin'],
    clients: ['RS256', 'ES256', 'EdDSA', 'gateway'].map((id) => ({
      client_id: id, client_secret: 'a secret: with/+%', grant_types: ['client_credentials'], redirect_uris: [],
      response_types: [], scope: 'infer admin',
    })),
    features: {
      clientCredentials: { enabled: true },
      introspection: { enabled: true },
      revocation: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (ctx, resource, client) => ({
          scope: 'infer admin', audience: 'postern', accessTokenTTL: 300,
          accessTokenFormat: resource === 'urn:opaque' ? 'opaque' : 'jwt',
          jwt: { sign: { alg: client.clientId === 'gateway' ? 'RS256' : client.clientId } },
        }),
      },
    },
  });
  provider.on('server_error', (ctx, error) => console.error(error));
  return provider.callback();
}

let answer = make();
process.on('SIGHUP', () => { answer = make(); console.log(`round ${round}`); });
createServer((request, response) => answer(request, response)).listen(port, '127.0.0.1', () => console.log('ready'));
