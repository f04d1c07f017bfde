// A key for everything done often. Keys are silent while somebody writes or a dialog is open.
/** `keys`: what a key does; `moves`: letters that are moves of the chosen alarm, for `move(letter)`. */
export function wire(keys, moves, move) {
  let waits = false; // a move waits for its alarm to be drawn: what is typed meanwhile is meant for its dialog
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (waits) return event.preventDefault();
    if (document.querySelector("dialog[open]") || writing(event.target)) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const act = keys[key];
    if (!act && !moves.includes(key)) return;
    event.preventDefault();
    if (act) return act();
    waits = true;
    move(key).finally(() => { waits = false; });
  });
  for (const dialog of document.querySelectorAll("dialog")) {
    dialog.addEventListener("click", (event) => { if (event.target.closest("[data-close]")) dialog.close(); });
  }
}

/** A field of a dialog that was just closed keeps the focus until the next frame; nobody writes in it any more. */
const writing = (field) => field.matches("input, select, textarea") && field.checkVisibility();

/** Keep a choice for a year and let the server draw the next page with it. */
export function choose(name, value) {
  document.cookie = `${name}=${value}; Path=/; Max-Age=31536000; SameSite=Strict`;
}
