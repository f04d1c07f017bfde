// Asking a site's cameras: a picture, a recording with its purpose, a preset. The page is drawn anew as the answer comes.

const LOOK_AGAIN_MS = [2000, 6000, 15000]; // a refusal is no picture, and nothing else of it would draw the page anew

/** Wire the buttons and forms; `doing` does one thing at a time, `send` asks the centre, `redraw` draws the page. */
export function looks(doing, send, redraw) {
  async function request(action, args) {
    await send({ action, args });
    await redraw();
    for (const wait of LOOK_AGAIN_MS) setTimeout(() => redraw().catch(() => {}), wait);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-ask]");
    if (button) doing(() => request(button.dataset.ask, JSON.parse(button.dataset.args)));
  });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("[data-footage], [data-preset]")) return;
    event.preventDefault();
    const said = Object.fromEntries(new FormData(form));
    doing(() => (form.matches("[data-preset]") ? request("preset", said) : footage(said)));
  });

  function footage({ camera, from, length, action, purpose }) {
    const since = new Date(from);
    const until = new Date(since.getTime() + 1000 * length);
    return request(action, { camera, from: since.toISOString(), to: until.toISOString(), purpose });
  }
}
