// Camera and microphone.

const PICTURE = { width: { ideal: 1280 }, height: { ideal: 720 }, facingMode: "user" };
const SOUND = { echoCancellation: true, noiseSuppression: true };

/** Nobody may use a camera on this page, whatever the user says. */
export class InsecureOrigin extends Error {}

/** Camera and microphone, or the microphone alone where there is no camera. */
export async function capture() {
  if (!navigator.mediaDevices?.getUserMedia) throw new InsecureOrigin();
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: SOUND, video: PICTURE });
  } catch (error) {
    if (error.name !== "NotFoundError" && error.name !== "OverconstrainedError") throw error;
    return withoutCamera(error);
  }
}

async function withoutCamera(original) {
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: SOUND });
  } catch (error) {
    throw error.name === "NotFoundError" ? original : error;
  }
}

export function release(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

export const hasCamera = (stream) => stream.getVideoTracks().length > 0;
