// The process of parts/oidc.py: npm's oidc-provider, with the pages for people that it has for developers.
//
//     node oidc_provider.mjs LIBRARY PORT DIRECTORY CERT KEY
//
// DIRECTORY/mood.json says how long tokens live. DIRECTORY/asked.jsonl gets a line for each question for a token,
// DIRECTORY/secrets.txt one for each token and code that was given.

import { X509Certificate } from "node:crypto";
import { appendFileSync, readFileSync } from "node:fs";
import { createServer } from "node:https";

const [library, port, directory, cert, key] = process.argv.slice(2);
const { default: Provider } = await import(`${library}/lib/index.js`);

const device = "urn:ietf:params:oauth:grant-type:device_code";
const person = { token_endpoint_auth_method: "none", application_type: "native" };
const life = () => JSON.parse(readFileSync(`${directory}/mood.json`)).life;

const provider = new Provider(`https://localhost:${port}`, {
  clients: [
    { ...person, client_id: "popover-device", grant_types: [device, "refresh_token"], response_types: [], redirect_uris: [] },
    {
      ...person,
      client_id: "popover-code",
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      redirect_uris: ["http://127.0.0.1/"],
    },
    {
      client_id: "popover-itself",
      token_endpoint_auth_method: "private_key_jwt",
      jwks: { keys: [new X509Certificate(readFileSync(`${directory}/client.pem`)).publicKey.export({ format: "jwk" })] },
      grant_types: ["client_credentials"],
      response_types: [],
      redirect_uris: [],
    },
    {
      client_id: "dovecot",
      client_secret: "dovecot-secret",
      grant_types: ["client_credentials"],
      response_types: [],
      redirect_uris: [],
    },
  ],
  scopes: ["openid", "offline_access", "mail"],
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  features: {
    deviceFlow: { enabled: true },
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    revocation: { enabled: true },
  },
  pkce: { methods: ["S256"], required: () => true },
  ttl: { AccessToken: life },
});

function note(status, error) {
  appendFileSync(`${directory}/asked.jsonl`, `${JSON.stringify(error ? { status, error } : { status })}\n`);
}

function noteSecrets(fields) {
  const found = ["access_token", "refresh_token", "device_code", "code", "code_verifier"].map((name) => fields?.[name]);
  appendFileSync(`${directory}/secrets.txt`, found.filter(Boolean).map((one) => `${one}\n`).join(""));
}

provider.on("grant.success", (ctx) => {
  note(ctx.status);
  noteSecrets(ctx.body);
  noteSecrets(ctx.oidc.params);
});
provider.on("grant.error", (_, error) => note(error.statusCode, error.error));
provider.on("authorization.success", (_, answer) => noteSecrets(answer));
provider.use(async (ctx, next) => {
  await next();
  if (ctx.oidc?.route === "device_authorization") noteSecrets(ctx.body);
});

const tls = { cert: readFileSync(cert), key: readFileSync(key) };
createServer(tls, provider.callback()).listen(Number(port), "127.0.0.1");
