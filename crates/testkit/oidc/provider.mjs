// The OpenID provider that tests log in at: oidc-provider with its forms for development, which let anybody in under the name
// that is typed. `node provider.mjs <folder of node_modules> <port on 127.0.0.1> <settings>`; the settings are one JSON object:
//   clients    who may ask it, as it is registered (OpenID Connect Dynamic Client Registration, section 2)
//   publishes  "another key": what it publishes is not what it signs with
//   lifetime_s how long an ID token is valid, in seconds
//   late_ms    how long the answer with a token is on its way
// It makes its keys at each start, so that a restart rotates them.
import { createPrivateKey, generateKeyPairSync, randomBytes } from "node:crypto";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, port, text] = process.argv.slice(2);
const { clients, publishes, lifetime_s: lifetime = 3600, late_ms: late = 0 } = JSON.parse(text);
const library = await import(pathToFileURL(join(folder, "oidc-provider", "lib", "index.js")));

// By way of PEM: Node.js 20 stands still now and then where a key that it has just generated is exported as a JWK while what
// generated it is collected as garbage, for both lock the same key.
const encoding = {
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
};
const keys = () => [
  generateKeyPairSync("rsa", { modulusLength: 2048, ...encoding }),
  generateKeyPairSync("ec", { namedCurve: "P-256", ...encoding }),
  generateKeyPairSync("ed25519", encoding),
].map(({ privateKey }) => ({ ...createPrivateKey(privateKey).export({ format: "jwk" }), use: "sig" }));

const provider = new library.Provider(`http://127.0.0.1:${port}`, {
  clients,
  jwks: { keys: keys() },
  cookies: { keys: [randomBytes(32).toString("hex")] },
  enabledJWA: { idTokenSigningAlgValues: ["RS256", "ES256", "EdDSA", "HS256"] },
  pkce: { required: () => true },
  ttl: { IdToken: lifetime },
});

if (late > 0) {
  provider.use(async (context, next) => {
    await next();
    if (context.path === "/token") await new Promise((resolve) => setTimeout(resolve, late));
  });
}

if (publishes === "another key") {
  const [{ d, dp, dq, p, q, qi, ...other }] = keys();
  provider.use(async (context, next) => {
    await next();
    if (context.path === "/jwks") context.body = { keys: [{ ...other, kid: "another", alg: "RS256" }] };
  });
}

provider.listen(Number(port), "127.0.0.1", () => console.log("ready"));
// Whoever started it has gone.
process.stdin.on("end", () => process.exit()).resume();
