// Two notes for level 2, three for level 1, again and again until somebody takes the alarm or mutes the desk: who stepped
// away must hear it. A browser lets a page sound only after the first click or key.
const GRAVE = 2; // levels 1 to this are heard
let context = null;
let muted = localStorage.getItem("bw-muted") === "yes";
let changed = () => {};
let waiting = 0;
let next = null;
let rang = 0;

/** What sounds and how often; a test puts its own ear here. */
export const port = { play, repeatMs: 4000 };

/** `on`, `muted`, or `locked` until the first click or key. */
export const state = () => (muted ? "muted" : context?.state === "running" ? "on" : "locked");

export function start(whenChanged) {
  changed = whenChanged;
  const unlock = async () => {
    context ??= new AudioContext();
    await context.resume();
    changed();
    call(waiting);
  };
  for (const touch of ["pointerdown", "keydown"]) addEventListener(touch, unlock, { once: true });
  if (navigator.userActivation?.hasBeenActive) unlock(); // the click on "log in" counts
  changed();
}

export function mute() {
  muted = !muted;
  localStorage.setItem("bw-muted", muted ? "yes" : "no");
  changed();
  call(waiting);
}

/** An alarm of `level` waits for somebody, 0: none does. `fresh`: it has just come and is heard at once. */
export function call(level, fresh = false) {
  waiting = level;
  const heard = waiting >= 1 && waiting <= GRAVE && state() === "on";
  if (!heard || (fresh && performance.now() - rang > 1000)) {
    clearTimeout(next);
    next = null;
  }
  if (heard && next === null) ring();
}

function ring() {
  rang = performance.now();
  port.play(waiting === 1 ? [988, 740, 988] : [740, 988]);
  next = setTimeout(ring, port.repeatMs);
}

function play(notes) {
  notes.forEach((hertz, n) => note(hertz, context.currentTime + n * 0.19));
}

function note(hertz, at) {
  const [tone, loud] = [context.createOscillator(), context.createGain()];
  tone.type = "triangle";
  tone.frequency.value = hertz;
  loud.gain.setValueAtTime(0, at);
  loud.gain.linearRampToValueAtTime(0.35, at + 0.012); // ramps, so that no loudspeaker clicks
  loud.gain.exponentialRampToValueAtTime(0.001, at + 0.17);
  tone.connect(loud).connect(context.destination);
  tone.start(at);
  tone.stop(at + 0.18);
}
