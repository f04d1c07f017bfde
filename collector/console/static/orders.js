// Partitions, zones and orders: drawing orders up, approving with a security key, drawing the page anew as things change.
import { listen, watch } from "./boxline.js";
import { focused } from "./focus.js";
import { looks } from "./looks.js";
import { dress, remaining } from "./time.js";
import { say } from "./words.js";

const body = document.body;
let busy = false;

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (each) => each.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

async function ask(path, content) {
  const answer = await fetch(`${path}?lang=${document.documentElement.lang}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(content),
  });
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.detail || told.title);
  return told;
}

async function doing(work) {
  const wrong = document.querySelector("#wrong");
  wrong.textContent = "";
  busy = true;
  document.querySelector("main").inert = true;
  try {
    await work();
  } catch (error) {
    // A browser's own words (NotAllowedError, Failed to fetch) tell a person nothing.
    wrong.textContent = error instanceof DOMException ? say("key") : error instanceof TypeError ? say("unsent") : error.message;
    wrong.scrollIntoView({ block: "nearest" });
  } finally {
    busy = false;
    document.querySelector("main").inert = false;
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.order) doing(() => draft(button));
  else if (button?.hasAttribute("data-approve")) doing(() => approve(button));
  else if (button?.hasAttribute("data-withdraw")) doing(withdraw);
});
async function draft(button) {
  const args = JSON.parse(button.dataset.args);
  const order = await ask("/api/v1/orders", { site: body.dataset.site, action: button.dataset.order, args });
  location.assign(`/orders/${order.id}`);
}

async function approve(button) {
  const keys = JSON.parse(button.dataset.keys);
  const made = await navigator.credentials.get({
    publicKey: {
      challenge: bytes(button.dataset.challenge),
      rpId: button.dataset.rp,
      allowCredentials: keys.map((key) => ({ type: "public-key", id: bytes(key.credential) })),
      userVerification: "required",
    },
  });
  const id = body.dataset.orderId;
  await ask(`/api/v1/orders/${id}/approvals`, {
    v: 1,
    order: id,
    person: button.dataset.person,
    credential: keys.find((key) => key.credential === made.id).id,
    method: "webauthn",
    client_data: text(made.response.clientDataJSON),
    authenticator_data: text(made.response.authenticatorData),
    signature: text(made.response.signature),
  });
  await redraw();
}

async function withdraw() {
  await ask(`/api/v1/orders/${body.dataset.orderId}/withdraw`, {});
  await redraw();
}

async function redraw() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (answer.redirected) return location.assign("/login");
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const open = document.querySelector("details")?.open;
  const typed = document.querySelector("#past");
  const refocus = focused(document.querySelector("main"));
  document.querySelector("main").replaceWith(page.querySelector("main"));
  if (typed) document.querySelector("#past")?.replaceWith(typed); // what is being typed stays
  else if (open) document.querySelector("details").open = true;
  tick();
  refocus(document.querySelector("main"));
}

let waiting = false;
function changed() {
  if (waiting) return;
  waiting = true;
  setTimeout(async () => {
    waiting = false;
    if (busy) changed();
    else await redraw().catch(() => {});
  }, 150);
}

function concerns(topic, told) {
  if (body.dataset.orderId) return topic === "order" && told.id === body.dataset.orderId;
  if (body.dataset.site) return topic !== "order" && told.site === body.dataset.site && (topic === "box" || Boolean(told.request));
  return topic === "order";
}

function tick() {
  dress(document.querySelector("main"));
  for (const each of document.querySelectorAll("[data-left]")) each.textContent = remaining(Number(each.dataset.left), Number(each.dataset.from)).text;
  watch();
}

looks(doing, (args) => ask("/api/v1/requests", { site: body.dataset.site, ...args }), redraw);
tick();
setInterval(tick, 1000);
listen(["box", "order", "evidence"], (topic, told) => { if (concerns(topic, told)) changed(); }, changed);
