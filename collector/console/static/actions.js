// What a person does to an alarm: every move of the table, by button or key. The server decides; a refusal is shown in its own words.
import { asked, prepare } from "./asking.js";
import { say } from "./words.js";

const AT_ONCE = new Set(["acknowledge", "take_over", "verify"]); // moves that ask nothing

/** Wires buttons, keys and dialogs; `done(alarm)` gets the alarm as it is now. */
export function wire(chosen, done) {
  const part = () => document.getElementById("alarm").dataset;
  let sending = false;

  async function send(move, body = {}) {
    if (sending) return "";
    sending = true;
    try {
      const { of: id, version } = part();
      const answer = await fetch(`/api/v1/alarms/${encodeURIComponent(id)}/${move}`, {
        method: "POST",
        headers: { "Content-Type": "application/json", "If-Match": `"${version}"`, "Accept-Language": document.documentElement.lang },
        body: JSON.stringify(body),
      }).catch(() => null);
      if (!answer) return say("unsent");
      const said = await answer.json();
      if (!answer.ok) {
        chosen.now();
        return [said.detail ?? said.title, ...(said.faults ?? []).map((fault) => fault.detail)].join(" ");
      }
      done(said);
      return "";
    } finally {
      sending = false;
    }
  }

  function ask(name, about = {}) {
    const dialog = document.getElementById(name);
    prepare(dialog, { of: part().of, ...about });
    dialog.showModal();
    const first = [...dialog.querySelectorAll("input, select, textarea")].find((each) => !each.disabled && (!each.value || each.type === "radio" || each.type === "checkbox"));
    (dialog.querySelector("input:checked:not(:disabled)") ?? first ?? dialog.querySelector("button.main")).focus();
  }

  async function press(button) {
    const { do: move, step, skip } = button.dataset;
    if (skip) return ask("skip", { position: skip, outcome: "skipped", title: button.dataset.text });
    if (step && asks(button.dataset.kind)) return ask("step", { position: step, outcome: "done", title: button.dataset.text, kind: button.dataset.kind, number: button.dataset.number });
    if (step) return notice(await send("step", { position: Number(step), outcome: "done" }));
    return AT_ONCE.has(move) ? notice(await send(move)) : ask(move);
  }

  /** The move behind a key, of the alarm that was chosen and not of one that is still shown; it is under way then. */
  async function key(letter) {
    await chosen.drawing;
    const button = document.querySelector(`#steps [data-key="${letter}"]:not(:disabled)`);
    if (button && !document.querySelector("dialog[open]")) press(button);
  }

  for (const dialog of document.querySelectorAll("dialog[data-move]")) {
    const form = dialog.querySelector("form");
    form.addEventListener("submit", async (event) => {
      if (event.submitter?.value === "cancel") return;
      event.preventDefault();
      if (dialog.dataset.of !== part().of) return dialog.close();
      const problem = await send(dialog.dataset.move, asked(dialog));
      dialog.querySelector(".wrong").textContent = problem;
      if (!problem && !sending) { form.reset(); dialog.close(); }
    });
    form.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
    });
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("#steps [data-do], #steps [data-step], #steps [data-skip]");
    if (button && !button.disabled) press(button);
  });
  return { key, more: () => document.querySelector("#more-moves summary")?.click() };
}

/** Whether doing a step of this kind writes something down. */
const asks = (kind) => document.querySelector(`#step [data-for~="${kind}"]`) !== null;

let fading;
/** A sentence at the corner, read out, gone after a while. */
export function notice(text) {
  const place = document.getElementById("notice");
  place.textContent = text;
  clearTimeout(fading);
  if (text) fading = setTimeout(() => { place.textContent = ""; }, 9000);
}
