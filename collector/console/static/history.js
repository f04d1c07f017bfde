// The history: filters and a table beside the queue; a row opens its alarm in the middle.
import { load } from "./parts.js";

export class History {
  constructor(choose) {
    this.choose = choose;
    this.open = false;
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

  async toggle(open = !this.open) {
    this.open = open;
    document.body.classList.toggle("looking", open);
    for (const link of document.querySelectorAll("nav [data-view]")) {
      if ((link.dataset.view === "history") === open) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    if (open) await this.#look(new URLSearchParams());
  }

  async #look(filters) {
    filters.set("zone", Intl.DateTimeFormat().resolvedOptions().timeZone);
    await load(`/desk/history?${filters}`);
    document.querySelector("#history [data-alarm]")?.focus({ preventScroll: true });
  }

  async #leave(id) {
    await this.toggle(false);
    this.choose(id);
  }
}
