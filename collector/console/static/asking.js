// What a dialog asks, and what it says to the centre: fields named as the API names them, times with their zone.
import { now } from "./time.js";

const local = (ms) => {
  const at = new Date(ms - new Date(ms).getTimezoneOffset() * 60000);
  return at.toISOString().slice(0, 16);
};

/** Make a dialog ready for one alarm, or for one step of its procedure. */
export function prepare(dialog, about) {
  const again = dialog.dataset.of === about.of && dialog.dataset.position === (about.position ?? undefined);
  if (!again) dialog.querySelector("form").reset();
  for (const name of ["of", "position", "outcome"]) if (about[name] === undefined) delete dialog.dataset[name]; else dialog.dataset[name] = about[name];
  dialog.querySelector(".wrong").textContent = "";
  const title = dialog.querySelector("[data-title]");
  if (title) title.textContent = about.title ?? "";
  for (const part of dialog.querySelectorAll("[data-for]")) {
    const there = part.dataset.for.split(" ").includes(about.kind);
    part.hidden = !there;
    for (const field of part.querySelectorAll("input, textarea")) field.disabled = !there;
  }
  const number = dialog.querySelector("[data-default=number]");
  if (number && !again) number.value = about.number ?? "";
  const time = dialog.querySelector("[data-default=now]");
  if (time && !again) time.value = local(now());
  const people = dialog.querySelector("select[data-people]");
  if (people) people.replaceChildren(...heirs().map(([id, name]) => new Option(name, id)));
}

const heirs = () => JSON.parse(document.getElementById("steps").dataset.people ?? "[]");

/** What is sent: what is empty is left out, and a time of one's own comes before a choice of minutes. */
export function asked(dialog) {
  const body = {};
  for (const field of dialog.querySelectorAll("input, select, textarea")) {
    if (!field.name || field.disabled || (["radio", "checkbox"].includes(field.type) && !field.checked)) continue;
    const value = field.value.trim();
    if (!value) continue;
    body[field.name] = field.type === "datetime-local" ? new Date(value).toISOString() : field.name === "score" ? Number(value) : value;
  }
  if (body.corrected) body.corrected = true;
  if (body.minutes) {
    body.until ??= new Date(now() + 60000 * Number(body.minutes)).toISOString();
    delete body.minutes;
  }
  if (dialog.dataset.position) Object.assign(body, { position: Number(dialog.dataset.position), outcome: dialog.dataset.outcome });
  return body;
}
