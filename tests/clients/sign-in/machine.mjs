// A machine (npm oauth4webapi) that gets tokens at Banyan's token endpoint in each way there is, and is refused where it must be.
// Reads {base, id, secret} from the environment's TASK; a key pair is made here, its public half registered by the caller:
// first line out is the public key, then a line in means "registered". Last line out: what came of each try, as JSON.
import { createInterface } from "node:readline";
import * as oauth from "oauth4webapi";
import { exportJWK, SignJWT } from "jose";

const { base, id, secret } = JSON.parse(process.env.TASK);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const pair = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
const kid = "k1";
console.log(JSON.stringify({ ...(await exportJWK(pair.publicKey)), kid }));
await lines.next();

const insecure = { [oauth.allowInsecureRequests]: true };
const issuer = new URL(base);
const discovered = await oauth.discoveryRequest(issuer, { algorithm: "oauth2", ...insecure });
const server = await oauth.processDiscoveryResponse(issuer, discovered);
const client = { client_id: id };
const results = {};

async function grant(name, auth, scope, options = {}) {
  const parameters = new URLSearchParams(scope ? { scope } : {});
  const response = await oauth.clientCredentialsGrantRequest(server, client, auth, parameters, { ...insecure, ...options });
  const copy = response.clone();
  try {
    const tokens = await oauth.processClientCredentialsResponse(server, client, response);
    const call = (path, method = "GET") =>
      oauth.protectedResourceRequest(tokens.access_token, method, new URL(path, base), undefined, undefined, insecure).then(
        (answer) => answer.status,
        (error) => error.status ?? error.response?.status ?? String(error),
      );
    results[name] = { token: tokens.access_token, expires_in: tokens.expires_in, scope: tokens.scope, view: await call("/v1/session"), accounts: await call("/v1/accounts") };
  } catch (error) {
    results[name] = { status: copy.status, error: (await copy.json()).error ?? String(error) };
  }
}

await grant("basic", oauth.ClientSecretBasic(secret));
await grant("post", oauth.ClientSecretPost(secret));
await grant("scoped", oauth.ClientSecretBasic(secret), "operation:session.view read");
await grant("wrong secret", oauth.ClientSecretBasic("wrong"));
await grant("wrong scope", oauth.ClientSecretBasic(secret), "everything");

// The same assertion twice: caught on its way and sent again.
let sent;
const catching = { [oauth.customFetch]: (url, options) => ((sent = options.body.toString()), fetch(url, options)) };
const signing = { key: pair.privateKey, kid };
await grant("signed", oauth.PrivateKeyJwt(signing), undefined, catching);
const post = async (body) => {
  const answer = await fetch(`${base}/oauth/token`, {
    method: "POST", body, headers: { "content-type": "application/x-www-form-urlencoded" } });
  return { status: answer.status, ...(await answer.json()) };
};
results["replayed"] = await post(sent);

const now = Math.floor(Date.now() / 1000);
const claims = { iss: id, sub: id, aud: base, exp: now + 60, iat: now };
const assertion = async (changes, key = pair.privateKey, header = { alg: "EdDSA", kid }) =>
  new SignJWT({ ...claims, jti: crypto.randomUUID(), ...changes }).setProtectedHeader(header).sign(key);
const forged = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
const made = {
  "good": await assertion({}),
  "to its endpoint": await assertion({ aud: [`${base}/oauth/token`] }),
  "forged": await assertion({}, forged.privateKey),
  "for another": await assertion({ aud: "https://elsewhere.example" }),
  "expired": await assertion({ exp: now - 120 }),
  "good for a day": await assertion({ exp: now + 86400 }),
  "of the future": await assertion({ iat: now + 600, exp: now + 660 }),
  "by another": await assertion({ iss: "somebody" }),
  "without a name": await assertion({ jti: "" }),
  "shared": await assertion({}, new TextEncoder().encode(secret.padEnd(64, "x")), { alg: "HS256", kid }),
  "unsigned": `${Buffer.from('{"alg":"none"}').toString("base64url")}.${Buffer.from(JSON.stringify({ ...claims, jti: "n" })).toString("base64url")}.`,
};
for (const [name, text] of Object.entries(made)) {
  const body = new URLSearchParams({ grant_type: "client_credentials", client_assertion: text,
    client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" });
  results[name] = await post(body.toString());
}
results["other grant"] = await post("grant_type=password&username=a&password=b");
results["twice"] = await post("grant_type=client_credentials&client_id=a&client_id=b");
console.log(JSON.stringify(results));
process.exit(0);
