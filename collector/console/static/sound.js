// Two notes for level 2, three for level 1. A browser lets a page sound only after the first click or key.
let context = null;
let muted = localStorage.getItem("bw-muted") === "yes";
let changed = () => {};

/** `on`, `muted`, or `locked` until the first click or key. */
export const state = () => (muted ? "muted" : context?.state === "running" ? "on" : "locked");

export function start(whenChanged) {
  changed = whenChanged;
  const unlock = async () => {
    context ??= new AudioContext();
    await context.resume();
    changed();
  };
  for (const touch of ["pointerdown", "keydown"]) addEventListener(touch, unlock, { once: true });
  if (navigator.userActivation?.hasBeenActive) unlock(); // the click on "log in" counts
  changed();
}

export function mute() {
  muted = !muted;
  localStorage.setItem("bw-muted", muted ? "yes" : "no");
  changed();
}

export function ring(level) {
  if (state() !== "on") return;
  const notes = level === 1 ? [988, 740, 988] : [740, 988];
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
