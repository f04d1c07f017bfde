// The one live line to the centre: server-sent events, resumed by journal number, watched by its own age.
import { adjust } from "./time.js";

const QUIET_MS = 8000; // the server says the time every 3 s; two and a half missed beats are a lost line
const AGAIN_MS = 1000;

/** Calls `on.alarm` (true: it was not known), `on.box`, `on.piece`, `on.lost(sinceMs)`, `on.again({lostMs, missed})` and `on.reset()`. */
export class Feed {
  constructor(after, on) {
    this.last = after;
    this.on = on;
    this.heard = Date.now();
    this.lostSince = null;
    this.missed = new Set();
    this.#open();
  }

  /** Look at the line's age; called every second. */
  watch() {
    if (this.lostSince === null && Date.now() - this.heard > QUIET_MS) this.#retry();
  }

  #open() {
    const source = new EventSource(`/api/v1/live?kinds=alarm,box,evidence&after=${this.last}&lang=${document.documentElement.lang}`);
    this.source = source;
    source.addEventListener("alarm", (message) => {
      const alarm = this.#take(message);
      const fresh = this.on.alarm(alarm, this.lostSince !== null);
      if (fresh && this.lostSince !== null) this.missed.add(alarm.id); // what was told again of known ones is not new
    });
    source.addEventListener("box", (message) => this.on.box(this.#take(message)));
    source.addEventListener("evidence", (message) => this.on.piece(this.#take(message)));
    source.addEventListener("reset", (message) => this.on.reset(this.#take(message)));
    source.addEventListener("tick", (message) => {
      adjust(Date.parse(this.#take(message).now));
      this.#caughtUp(); // a tick is sent once all that was missed has been sent
    });
    source.onerror = () => this.#retry();
  }

  #take(message) {
    this.heard = Date.now();
    if (message.lastEventId) this.last = message.lastEventId;
    return JSON.parse(message.data);
  }

  #caughtUp() {
    if (this.lostSince === null) return;
    const lostMs = Date.now() - this.lostSince;
    this.lostSince = null;
    this.on.again({ lostMs, missed: this.missed.size });
    this.missed.clear();
  }

  #retry() {
    this.source.close();
    if (this.lostSince === null) {
      this.lostSince = this.heard;
      this.on.lost(this.lostSince);
    }
    setTimeout(async () => {
      const answer = await fetch("/api/v1/sites?limit=1").catch(() => null);
      if (answer?.status === 401) location.assign("/login");
      else if (answer?.ok) this.#open();
      else this.#retry();
    }, AGAIN_MS);
  }
}
