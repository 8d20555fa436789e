// @ts-check
// Photos go to the API one by one, as any application sends them, and each is followed to its end by waiting reads.
import { find, get, read } from "./dom.js";
import { send, ServiceError, SESSION_ENDED, upload } from "./http.js";

/** @import { Face, Job } from "../../types/answers.d.ts" */
/** @typedef {{ job: Job, etag: string | null }} Known */

const form = get("try", HTMLFormElement);
const dropZone = get("drop", HTMLElement);
const field = find(form, "input[type=file]", HTMLInputElement);
const results = get("results", HTMLElement);
const said = get("said", HTMLElement);
const pageUrl = read(form, "pageUrl");
const cropUrl = read(form, "cropUrl");
const AT_ONCE = 3;
const READ_MS = 40_000; // with a read that waits for 20 seconds
const PAUSE_S = 2; // before another try, where the service doesn't say
const UPLOADED = 0.6; // of the progress bar
/** @type {{ file: File, shown: HTMLElement }[]} */
const waiting = [];
let running = 0;

/** @param {Iterable<File>} files */
function add(files) {
  for (const file of files) {
    const shown = copyTemplate("result");
    find(shown, ".name", HTMLElement).textContent = file.name;
    results.prepend(shown);
    waiting.push({ file, shown });
  }
  startNext();
}

/** @param {string} id */
function copyTemplate(id) {
  const copy = get(id, HTMLTemplateElement).content.cloneNode(true);
  return find(/** @type {DocumentFragment} */ (copy), "li", HTMLElement);
}

function startNext() {
  for (let next = takeNext(); next; next = takeNext()) {
    const { file, shown } = next;
    analyse(file, shown).finally(() => {
      running -= 1;
      startNext();
    });
  }
}

function takeNext() {
  const next = running < AT_ONCE ? waiting.shift() : undefined;
  if (next) running += 1;
  return next;
}

/**
 * @param {File} file
 * @param {HTMLElement} shown
 */
async function analyse(file, shown) {
  try {
    await follow(await submit(file, shown), shown);
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    fail(shown, error.message);
  }
}

/**
 * @param {File} file
 * @param {HTMLElement} shown
 * @returns {Promise<Known>}
 */
async function submit(file, shown) {
  const body = new FormData();
  body.append("image", file);
  const { value: detector } = find(form, "[name=detector]", HTMLSelectElement);
  if (detector) body.append("detector", detector);
  while (true) {
    try {
      return readJob(await upload(read(form, "jobsUrl"), body, (share) => setProgress(shown, share * UPLOADED)));
    } catch (error) {
      if (!(error instanceof ServiceError) || error.status !== 429) throw error;
      mark(shown, "waiting");
      await pause(error.retryAfter);
    }
  }
}

/**
 * @param {import("./http.js").Answer} answer
 * @returns {Known}
 */
function readJob(answer) {
  return { job: JSON.parse(answer.text), etag: answer.getHeader("ETag") };
}

/** @param {string | null} retryAfter seconds */
function pause(retryAfter) {
  return new Promise((resolve) => setTimeout(resolve, 1000 * Math.max(1, Number(retryAfter) || PAUSE_S)));
}

/**
 * @param {Known} known
 * @param {HTMLElement} shown
 */
async function follow(known, shown) {
  const jobUrl = `${pageUrl}/${known.job.id}`;
  find(shown, ".name", HTMLAnchorElement).href = jobUrl;
  const image = new Image();
  image.alt = "";
  image.addEventListener("error", () => image.remove()); // a photo that can't be decoded
  image.src = `${jobUrl}/preview`;
  find(shown, ".frame", HTMLElement).append(image);
  while (!known.job.finished_at) {
    mark(shown, known.job.status);
    setProgress(shown, known.job.status === "running" ? 0.85 : 0.7);
    known = await readNews(known);
  }
  showEnd(known.job, shown);
}

/**
 * Read a job, which takes until it has changed. Comes back with what was known, after a pause, where there is no news or no answer:
 * the job goes on without us.
 *
 * @param {Known} known
 * @returns {Promise<Known>}
 */
async function readNews(known) {
  let retryAfter = null;
  try {
    const headers = known.etag ? { "If-None-Match": known.etag } : undefined;
    const answer = await send(`${known.job.url}?wait=20`, { headers, deadlineMs: READ_MS });
    if (answer.status !== 304) return readJob(answer);
    retryAfter = answer.getHeader("Retry-After");
  } catch (error) {
    if (!(error instanceof ServiceError) || error.isFinal || error.code === SESSION_ENDED) throw error;
    retryAfter = error.retryAfter;
  }
  await pause(retryAfter);
  return known;
}

/**
 * @param {Job} job
 * @param {HTMLElement} shown
 */
function showEnd(job, shown) {
  if (job.error) return fail(shown, job.error.detail);
  const found = find(shown, ".found", HTMLElement);
  find(shown, "progress", HTMLElement).remove();
  mark(shown, job.status);
  if (job.status === "canceled") {
    found.append(makeLine("withdrawn, so there is no result"));
    said.textContent = `${job.photo.filename}: canceled`;
    return;
  }
  const count = job.faces.length;
  if (!count) found.append(makeLine("no face found"));
  found.append(...job.faces.map((face) => drawFace(face)));
  said.textContent = `${job.photo.filename}: ${count} ${count === 1 ? "face" : "faces"}`;
}

/**
 * A face as other pages show it, so that correct.js lets it be corrected here.
 *
 * @param {Face} face
 */
function drawFace(face) {
  const item = copyTemplate("found-face");
  const told = `${face.emotion} ${face.confidence.toFixed(2)}`;
  const picture = find(item, "a", HTMLAnchorElement);
  picture.href = `${pageUrl}/faces/${face.id}`;
  picture.title = `${told}: correct it`;
  picture.dataset.correct = face.id;
  picture.dataset.emotion = face.emotion;
  const image = find(item, "img", HTMLImageElement);
  image.alt = `${told}: correct it`;
  image.src = cropUrl.replace("00000000-0000-0000-0000-000000000000", face.id);
  find(item, ".dot", HTMLElement).classList.add(face.emotion);
  find(item, ".said", HTMLElement).textContent = `${told}${face.uncertain ? " ?" : ""}`;
  return item;
}

/** @param {string} text */
function makeLine(text) {
  const item = document.createElement("li");
  item.textContent = text;
  return item;
}

/**
 * @param {HTMLElement} shown
 * @param {number} share
 */
function setProgress(shown, share) {
  find(shown, "progress", HTMLProgressElement).value = share;
}

/**
 * @param {HTMLElement} shown
 * @param {string} status
 */
function mark(shown, status) {
  const pill = find(shown, ".pill", HTMLElement);
  pill.className = `pill ${status}`;
  pill.textContent = status;
}

/**
 * @param {HTMLElement} shown
 * @param {string} detail
 */
function fail(shown, detail) {
  mark(shown, "failed");
  shown.querySelector("progress")?.remove();
  const item = makeLine(detail);
  item.className = "problem";
  find(shown, ".found", HTMLElement).append(item);
  said.textContent = detail;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  add(field.files ?? []);
  field.value = "";
});

field.addEventListener("change", () => form.requestSubmit());

for (const kind of /** @type {const} */ (["dragover", "dragleave", "drop"])) {
  dropZone.addEventListener(kind, (event) => {
    event.preventDefault();
    dropZone.classList.toggle("over", kind === "dragover");
    if (kind === "drop") add(event.dataTransfer?.files ?? []);
  });
}
