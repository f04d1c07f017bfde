// What a person does to an alarm: acknowledge, note, resolve. The server decides; a refusal is shown in its own words.
import { say } from "./words.js";

/** Wires the buttons and dialogs; `done(alarm)` gets the alarm as it is now. */
export function wire(chosen, done) {
  const part = () => document.getElementById("alarm").dataset;
  const able = (action) => document.querySelector(`#steps [data-do=${action}]:not(:disabled)`);

  async function send(action, body = {}) {
    const { of: id, version } = part();
    const answer = await fetch(`/api/v1/alarms/${encodeURIComponent(id)}/${action}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "If-Match": `"${version}"`, "Accept-Language": document.documentElement.lang },
      body: JSON.stringify(body),
    }).catch(() => null);
    if (!answer) return say("unsent");
    const said = await answer.json();
    if (!answer.ok) {
      chosen.now();
      return said.detail ?? said.title;
    }
    done(said);
    return "";
  }

  async function acknowledge() {
    await chosen.drawing;
    if (able("acknowledge")) notice(await send("acknowledge"));
  }

  async function ask(action) {
    await chosen.drawing;
    if (!able(action)) return;
    const dialog = document.getElementById(action);
    dialog.dataset.of = part().of;
    dialog.querySelector(".wrong").textContent = "";
    dialog.showModal();
    (dialog.querySelector("input:checked") ?? dialog.querySelector("input, textarea")).focus();
  }

  for (const action of ["note", "resolve"]) {
    const dialog = document.getElementById(action);
    const form = dialog.querySelector("form");
    form.addEventListener("submit", async (event) => {
      if (event.submitter?.value === "cancel") return;
      event.preventDefault();
      if (dialog.dataset.of !== part().of) return dialog.close();
      const problem = await send(action, Object.fromEntries(new FormData(form)));
      dialog.querySelector(".wrong").textContent = problem;
      if (!problem) { form.reset(); dialog.close(); }
    });
    form.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
    });
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("#steps [data-do]");
    if (button) ({ acknowledge, note: () => ask("note"), resolve: () => ask("resolve") })[button.dataset.do]();
  });
  return { acknowledge, note: () => ask("note"), resolve: () => ask("resolve") };
}

let fading;
/** A sentence at the corner, read out, gone after a while. */
export function notice(text) {
  const place = document.getElementById("notice");
  place.textContent = text;
  clearTimeout(fading);
  if (text) fading = setTimeout(() => { place.textContent = ""; }, 9000);
}
