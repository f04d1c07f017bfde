// The approve page: shows what this machine's own server says, lets the security key answer its challenge, brings it back.
// It decides nothing: what was signed is looked at by the server, and again by the box.
const at = (id) => document.getElementById(id);
let language = "";
let shown = null;
let ended = false;

const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (each) => each.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

function element(tag, words, look = "") {
  const made = document.createElement(tag);
  made.textContent = words;
  made.className = look;
  return made;
}

function draw(view) {
  shown = view;
  document.documentElement.lang = view.language;
  document.title = view.title;
  for (const id of ["title", "place", "headline", "names", "danger", "lead", "foot"]) at(id).textContent = view[id];
  at("language").textContent = view.language === "en" ? "中文" : "EN";
  at("order").hidden = !view.headline;
  at("order").className = view.look;
  at("sign").textContent = view.sign;
  at("decline").textContent = view.decline;
  at("sign").hidden = ended || !view.sign;
  at("decline").hidden = ended || !view.decline;
  at("lead").hidden = ended;
  at("rows").replaceChildren(...view.rows.flatMap((row) => [element("dt", row.name), element("dd", row.value, row.centre ? "centre" : "")]));
}

async function ask(path, body) {
  const answer = await fetch(path, body === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(shown?.gone ?? "");
  return answer.json();
}

async function look() {
  draw(await ask(`view?lang=${language || (navigator.language.startsWith("zh") ? "zh-CN" : "en")}`));
}

// The browser's own words (NotAllowedError and the like) tell a person nothing.
async function withKey() {
  const key = shown.key;
  const challenge = bytes(key.challenge);
  if (key.make) {
    const { response, rawId } = await navigator.credentials.create({ publicKey: {
      challenge, rp: { id: key.rp_id, name: "Branchwatch" }, user: { id: bytes(key.user), name: key.name, displayName: key.name },
      pubKeyCredParams: [{ type: "public-key", alg: -7 }], attestation: "none", timeout: key.timeout_ms,
      authenticatorSelection: { residentKey: "discouraged", userVerification: "required" } } });
    return { credential: text(rawId), client_data: text(response.clientDataJSON), authenticator_data: text(response.getAuthenticatorData()), public_key: text(response.getPublicKey()) };
  }
  const { response, rawId } = await navigator.credentials.get({ publicKey: {
    challenge, rpId: key.rp_id, userVerification: "required", timeout: key.timeout_ms,
    allowCredentials: key.allow.map((id) => ({ type: "public-key", id: bytes(id) })) } });
  return { credential: text(rawId), client_data: text(response.clientDataJSON), authenticator_data: text(response.authenticatorData), signature: text(response.signature) };
}

async function doing(work) {
  at("problem").textContent = "";
  for (const id of ["sign", "decline"]) at(id).disabled = true;
  try {
    const said = await work();
    ended = said.ended;
    at(said.done ? "said" : "problem").textContent = said.text;
    if (ended) for (const id of ["sign", "decline", "lead"]) at(id).hidden = true;
  } catch (error) {
    at("problem").textContent = error instanceof DOMException ? shown.failed : error.message || shown.gone;
  } finally {
    for (const id of ["sign", "decline"]) at(id).disabled = false;
  }
}

at("sign").onclick = () => doing(async () => ask("answer", { ...(await withKey()), lang: shown.language }));
at("decline").onclick = () => doing(() => ask("decline", { lang: shown.language }));
at("language").onclick = () => {
  language = shown.language === "en" ? "zh-CN" : "en";
  look();
};
look();
