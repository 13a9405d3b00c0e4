// Camera and microphone.

const VIDEO = { width: { ideal: 1280 }, height: { ideal: 720 }, facingMode: "user" };
const AUDIO = { echoCancellation: true, noiseSuppression: true };

/** The browser denies camera and microphone to a page of this origin, whatever the user permits. */
export class InsecureOrigin extends Error {}

/** Camera and microphone, or the microphone alone where there is no camera. */
export async function capture() {
  if (!navigator.mediaDevices?.getUserMedia) throw new InsecureOrigin();
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: AUDIO, video: VIDEO });
  } catch (error) {
    if (error.name !== "NotFoundError" && error.name !== "OverconstrainedError") throw error;
    return withoutCamera(error);
  }
}

async function withoutCamera(original) {
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: AUDIO });
  } catch (error) {
    throw error.name === "NotFoundError" ? original : error;
  }
}

export function release(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

export const hasCamera = (stream) => stream.getVideoTracks().length > 0;
