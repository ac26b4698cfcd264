// A provider that lies: the code it is given says which ID token to answer with. Prints its issuer.
import { createServer } from "node:http";
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from "jose";

const [good, other] = [await generateKeyPair("ES256"), await generateKeyPair("ES256")];
const jwk = { ...(await exportJWK(good.publicKey)), kid: "good", alg: "ES256", use: "sig" };
const server = createServer();
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const issuer = `http://127.0.0.1:${server.address().port}`;

async function idToken({ forge, nonce }) {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: issuer, sub: "mallory", aud: "banyan", iat: now, exp: now + 300, nonce };
  const forged = {
    nonce: { ...claims, nonce: "another" },
    no_nonce: { ...claims, nonce: undefined },
    audience: { ...claims, aud: "another" },
    issuer: { ...claims, iss: "http://127.0.0.1:1" },
    expired: { ...claims, iat: now - 900, exp: now - 300 },
    future: { ...claims, iat: now + 900, exp: now + 1200 },
    skewed: { ...claims, iat: now + 30, exp: now + 300 },
  }[forge] ?? claims;
  if (forge === "unsigned") return new UnsecuredJWT(forged).encode();
  if (forge === "shared") {
    const secret = new TextEncoder().encode(process.env.CLIENT_SECRET);
    return new SignJWT(forged).setProtectedHeader({ alg: "HS256" }).sign(secret);
  }
  const key = forge === "key" ? other.privateKey : good.privateKey;
  return new SignJWT(forged).setProtectedHeader({ alg: "ES256", kid: "good" }).sign(key);
}

server.on("request", async (request, response) => {
  const answer = (body) => response.setHeader("content-type", "application/json").end(JSON.stringify(body));
  const { pathname } = new URL(request.url, issuer);
  if (pathname === "/.well-known/openid-configuration") {
    answer({
      issuer,
      authorization_endpoint: `${issuer}/auth`,
      token_endpoint: `${issuer}/token`,
      jwks_uri: `${issuer}/jwks`,
      response_types_supported: ["code"],
      subject_types_supported: ["public"],
      id_token_signing_alg_values_supported: ["ES256"],
    });
  } else if (pathname === "/jwks") answer({ keys: [jwk] });
  else if (pathname === "/token") {
    let text = "";
    for await (const piece of request) text += piece;
    const sent = JSON.parse(new URLSearchParams(text).get("code"));
    answer({ access_token: "x", token_type: "Bearer", id_token: await idToken(sent) });
  } else response.writeHead(404).end();
});
console.log(issuer);
process.stdin.resume().on("end", () => process.exit(0));
