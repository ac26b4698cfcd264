// An OpenID Connect provider (npm oidc-provider). Prints its issuer; runs until its standard input ends.
// Who is signed in there is said by POST /as?user=NAME; consent is given without asking. `users` with a `no-` refuse.
import { createServer } from "node:http";
import Provider from "oidc-provider";

const server = createServer();
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const issuer = `http://127.0.0.1:${server.address().port}`;
let user = "alice";
// Names and numbers of those who have one, as JSON: {"user": ["name", "number"]}.
const people = JSON.parse(process.env.PEOPLE ?? "{}");

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "banyan",
      client_secret: process.env.CLIENT_SECRET,
      // Native: the port of a loopback address is free (RFC 8252).
      application_type: "native",
      redirect_uris: ["http://127.0.0.1/v1/session/oidc/upstream/callback"],
      grant_types: ["authorization_code"],
      response_types: ["code"],
    },
  ],
  pkce: { required: () => true },
  scopes: ["openid", "profile"],
  claims: { openid: ["sub"], profile: ["name", "preferred_username", "id_number"] },
  conformIdTokenClaims: false,
  features: { devInteractions: { enabled: false } },
  cookies: { keys: ["test-only"] },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => {
      const [name, number] = people[id] ?? [`${id} 外部`];
      return { sub: id, name, preferred_username: id, id_number: number };
    },
  }),
});

async function interact(request, response) {
  const { prompt, params, session } = await provider.interactionDetails(request, response);
  if (user.startsWith("no-")) {
    return provider.interactionFinished(request, response, { error: "access_denied" });
  }
  if (prompt.name === "login") {
    return provider.interactionFinished(request, response, { login: { accountId: user } });
  }
  const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope("openid profile");
  return provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } });
}

const serve = provider.callback();
server.on("request", (request, response) => {
  const url = new URL(request.url, issuer);
  if (url.pathname === "/as") {
    user = url.searchParams.get("user");
    response.end();
  } else if (url.pathname.startsWith("/interaction/")) {
    interact(request, response).catch((error) => {
      response.statusCode = 500;
      response.end(String(error));
    });
  } else serve(request, response);
});
console.log(issuer);
process.stdin.resume().on("end", () => process.exit(0));
