// The lists beside the queue, in place of the middle: past alarms, where a row opens its alarm, and the boxes.
import { load } from "./parts.js";

const REFRESH_MS = 1000; // a storm of beats draws the boxes again once a second at most

export class History {
  constructor(choose) {
    this.choose = choose;
    this.view = null; // "history", "boxes", or none
    document.addEventListener("submit", (event) => {
      if (event.target.id !== "filters") return;
      event.preventDefault();
      this.#look(new URLSearchParams([...new FormData(event.target)].filter(([, value]) => value)));
    });
    document.addEventListener("click", (event) => {
      const [row, older] = [event.target.closest("#history [data-alarm]"), event.target.closest("#history [data-older]")];
      if (row) this.#leave(row.dataset.alarm);
      if (older) this.#look(new URLSearchParams(older.dataset.older));
    });
    document.addEventListener("keydown", (event) => {
      const row = event.key === "Enter" && event.target.closest("#history [data-alarm]");
      if (row) this.#leave(row.dataset.alarm);
    });
  }

  get open() {
    return this.view !== null;
  }

  toggle(view) {
    return this.show(this.view === view ? null : view);
  }

  /** Show this list, or the chosen alarm again. */
  async show(view) {
    this.view = view;
    document.body.classList.toggle("looking", this.open);
    for (const link of document.querySelectorAll("nav [data-view]")) {
      if (link.dataset.view === (view ?? "desk")) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    if (view === "boxes") await load("/desk/boxes");
    else if (view) await this.#look(new URLSearchParams());
  }

  /** Something of a box changed: draw the boxes again soon, where they are looked at. */
  changed() {
    if (this.view !== "boxes") return;
    this.timer ??= setTimeout(() => { this.timer = null; if (this.view === "boxes") load("/desk/boxes"); }, REFRESH_MS);
  }

  async #look(filters) {
    filters.set("zone", Intl.DateTimeFormat().resolvedOptions().timeZone);
    await load(`/desk/history?${filters}`);
    document.querySelector("#history [data-alarm]")?.focus({ preventScroll: true });
  }

  async #leave(id) {
    await this.show(null);
    this.choose(id);
  }
}
