// The middle and the right: the chosen alarm and what can be done with it, or what is being guarded when none is.
import { load } from "./parts.js";

const REFRESH_MS = 1000; // a chattering point redraws its tiles once a second at most

export class Chosen {
  constructor(queue) {
    this.queue = queue;
    this.id = null;
    this.box = null;
  }

  async show(id) {
    this.id = id ?? null;
    document.body.classList.toggle("chosen", Boolean(this.id));
    this.queue.mark(this.id);
    history.replaceState(null, "", this.id ? `#${this.id}` : location.pathname);
    this.now(); // an action waits for it: it is meant for what was chosen, not for what was shown before
    await this.drawing;
  }

  /** Something of this alarm or of its box changed. */
  changed({ alarm, box }) {
    if (alarm && alarm.id === this.id) this.now();
    else if (!this.id || box?.id === this.box) this.later();
  }

  /** Draw again at once: somebody acted. */
  now() {
    this.drawing = this.#draw();
  }

  /** Draw again soon; many calls make one drawing. */
  later() {
    this.timer ??= setTimeout(() => this.#draw(), Math.max(0, REFRESH_MS - (performance.now() - (this.drawnAt ?? -REFRESH_MS))));
  }

  async #draw() {
    clearTimeout(this.timer);
    this.timer = null;
    this.drawnAt = performance.now();
    await load(this.id ? `/desk/alarms/${encodeURIComponent(this.id)}` : "/desk/watch");
    this.box = document.getElementById("alarm").dataset.box ?? null;
  }
}
