// Pages beside the desk: forms and buttons that ask the centre, refusals in its own words, times in the reader's hours.
import { focused } from "./focus.js";
import { adjust, ago, dress, now, remaining } from "./time.js";
import { keepTyped } from "./typed.js";
import { say } from "./words.js";

const REFRESH_MS = 30000; // lists are drawn anew so often, and after each change
const AGAIN_MS = 2000; // a lost line is tried again so soon
const SILENT_MS = 40000; // an answer that does not come is a lost line too
const main = () => document.getElementById("sheet");
const lang = document.documentElement.lang;

/** Ask the centre; an error with its own words where it refuses. */
async function ask(method, path, body, version) {
  const headers = { "Content-Type": "application/json", "Accept-Language": lang };
  if (version) headers["If-Match"] = `"${version}"`;
  const answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) }).catch(() => null);
  if (!answer) throw new Error(say("unsent"));
  if (answer.status === 401) return location.assign("/login");
  if (answer.ok) return;
  const told = await answer.json();
  const faults = (told.faults ?? []).map((fault) => `${fault.place}: ${fault.detail}`).join("; ");
  throw new Error([told.detail ?? told.title, faults].filter(Boolean).join(" "));
}

/** What a form says, in the shape the centre takes: times with their zone, lists, numbers; what is empty is left out. */
export function said(form) {
  const body = {};
  for (const field of form.elements) {
    if (!field.name || field.disabled || ((field.type === "radio" || field.type === "checkbox") && !field.checked)) continue;
    const raw = field.value.trim();
    if (field.dataset.as === "list") (body[field.name] ??= []).push(...(field.type === "checkbox" ? [raw] : raw.split(/[\s,，、]+/).filter(Boolean)));
    else if (!raw) continue;
    else if (field.dataset.as === "yes") body[field.name] = true;
    else if (field.dataset.as === "number") body[field.name] = Number(raw);
    else if (field.type === "datetime-local") body[field.name] = new Date(raw).toISOString();
    else if (field.dataset.as === "span") body[field.name] = new Date((form.elements.begins?.value ? Date.parse(form.elements.begins.value) : now()) + 60000 * Number(raw)).toISOString();
    else body[field.name] = raw;
  }
  return body;
}

async function doing(form, work) {
  const refocus = focused(main());
  const place = form?.querySelector(".wrong") ?? document.getElementById("notice");
  place.textContent = "";
  main().inert = true;
  try {
    await work();
    await redraw();
  } catch (error) {
    place.textContent = error.message;
    place.scrollIntoView({ block: "nearest" });
  } finally {
    main().inert = false;
    refocus(main());
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-post]");
  if (!form) return;
  event.preventDefault();
  doing(form, () => ask("POST", form.dataset.post, said(form), form.dataset.version));
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-send]");
  if (button) doing(null, () => ask(button.dataset.method ?? "POST", button.dataset.send, button.dataset.body ? JSON.parse(button.dataset.body) : undefined, button.dataset.version));
});

// Parts of a form that belong to one choice are there only while it is chosen.
function choose(form) {
  for (const part of form.querySelectorAll("[data-when]")) {
    const [name, ...values] = part.dataset.when.split(" ");
    const there = values.includes(new FormData(form).get(name) ?? "");
    part.hidden = !there;
    for (const field of part.querySelectorAll("input, select, textarea")) field.disabled = !there;
  }
}
document.addEventListener("change", (event) => {
  const form = event.target.closest("form");
  if (form) choose(form);
});

/** Whether the centre answers, for all to see; a lost line is tried until it is there again. */
let again = null;
let heard = Date.now();
function line(there) {
  if (there) heard = Date.now();
  document.getElementById("lost").hidden = there;
  document.body.classList.toggle("stale", !there);
  clearTimeout(again);
  again = there ? null : setTimeout(() => redraw(true), AGAIN_MS);
}

const writing = () => document.activeElement?.matches("input, select, textarea") || document.querySelector("details[open] form");

/** Draw the page anew, unless somebody is writing. */
async function redraw(quietly = false) {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
  line(Boolean(answer) && answer.status < 500);
  if (answer?.redirected) return location.assign("/login");
  if (!answer?.ok || (quietly && writing())) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  adjust(Number(page.body.dataset.now)); // this machine's clock may have been set meanwhile
  const open = [...document.querySelectorAll("details[open][id]")].map((each) => each.id);
  const refocus = focused(main());
  const fresh = page.getElementById("sheet");
  if (quietly) keepTyped(main(), fresh);
  main().replaceWith(fresh);
  if (quietly) for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  begin();
  warm();
  refocus(main());
}

function begin() {
  dress(main());
  for (const form of document.querySelectorAll("form")) choose(form);
}

function warm() {
  for (const each of document.querySelectorAll("[data-until]")) {
    const { heat, text } = remaining(Number(each.dataset.until), Number(each.dataset.from));
    each.textContent = text;
    each.className = each.hasAttribute("data-calm") ? "" : heat;
  }
  for (const each of document.querySelectorAll("[data-ago-from]")) each.textContent = ago(now() - Number(each.dataset.agoFrom));
  if (Date.now() - heard > SILENT_MS && document.getElementById("lost").hidden) line(false);
}

begin();
warm();
setInterval(warm, 1000);
setInterval(() => redraw(true), REFRESH_MS);
