// A soft ringtone for incoming calls. Silent where the browser allows no sound.

const INTERVAL = 2_400;
const TONES = [[0, 587.3], [0.22, 740], [0.44, 880]];

let context = null;
let timer = null;

export function startRinging() {
  // Browsers allow no sound before the first click or key.
  if (timer || !navigator.userActivation?.hasBeenActive) return;
  context ??= new AudioContext();
  chime();
  timer = setInterval(chime, INTERVAL);
}

export function stopRinging() {
  clearInterval(timer);
  timer = null;
  context?.suspend().catch(() => {});
}

function chime() {
  if (context.state === "suspended") context.resume().catch(() => {});
  for (const [after, pitch] of TONES) tone(context.currentTime + after, pitch);
}

function tone(at, pitch) {
  const source = new OscillatorNode(context, { frequency: pitch });
  const volume = new GainNode(context, { gain: 0 });
  volume.gain.setValueAtTime(0, at);
  volume.gain.linearRampToValueAtTime(0.12, at + 0.02);
  volume.gain.exponentialRampToValueAtTime(0.001, at + 0.6);
  source.connect(volume).connect(context.destination);
  source.start(at);
  source.stop(at + 0.65);
}
