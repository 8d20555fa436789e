"use strict";
// Photos go to the API one by one, as any application sends them, and each is followed to its end by waiting reads.

const form = document.getElementById("try");
const drop = document.getElementById("drop");
const field = form.querySelector("input[type=file]");
const results = document.getElementById("results");
const template = document.getElementById("result");
const csrfToken = form.querySelector("[name=csrf_token]").value;
const AT_ONCE = 3;
const PATIENCE_MS = 40_000; // with a read that waits for 20 seconds
const PAUSE_S = 2; // before another try, where the service doesn't say
const waiting = [];
let running = 0;

function add(files) {
  for (const file of files) {
    const shown = template.content.cloneNode(true).firstElementChild;
    shown.querySelector(".name").textContent = file.name;
    results.prepend(shown);
    waiting.push([file, shown]);
  }
  next();
}

function next() {
  while (running < AT_ONCE && waiting.length) {
    running += 1;
    const [file, shown] = waiting.shift();
    submit(file, shown)
      .then(([job, etag]) => follow(job, etag, shown))
      .catch((error) => fail(shown, error.message))
      .finally(() => {
        running -= 1;
        next();
      });
  }
}

async function submit(file, shown) {
  while (true) {
    const request = await send(file, shown);
    if (request.status < 300) return [request.response, request.getResponseHeader("ETag")];
    if (request.status !== 429) throw explain(request.status, request.response);
    mark(shown, "waiting");
    await pause(request.getResponseHeader("Retry-After"));
  }
}

// fetch can't tell how much of a body has gone, so the upload is an XMLHttpRequest
function send(file, shown) {
  const body = new FormData();
  body.append("image", file);
  const detector = form.elements.detector.value;
  if (detector) body.append("detector", detector);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", form.dataset.jobsUrl);
    request.setRequestHeader("X-CSRF-Token", csrfToken);
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) shown.querySelector("progress").value = (event.loaded / event.total) * 0.6;
    });
    request.addEventListener("load", () => resolve(request));
    request.addEventListener("error", () => reject(new Error("the service can't be reached")));
    request.send(body);
  });
}

function explain(status, problem) {
  if (status !== 401) return new Error(problem?.detail ?? `the service answered ${status}`);
  location.reload(); // signed out meanwhile: the page leads to the sign-in, and that back here
  return new Error("you are signed out");
}

function pause(retryAfter) {
  return new Promise((resolve) => setTimeout(resolve, 1000 * Math.max(1, Number(retryAfter) || PAUSE_S)));
}

async function follow(job, etag, shown) {
  const name = shown.querySelector(".name");
  name.href = `${form.dataset.pageUrl}/${job.id}`;
  const image = new Image();
  image.alt = "";
  image.addEventListener("error", () => image.remove()); // a photo that can't be decoded
  image.src = `${form.dataset.pageUrl}/${job.id}/preview`;
  shown.querySelector(".frame").append(image);
  while (!job.finished_at) {
    mark(shown, job.status);
    shown.querySelector("progress").value = job.status === "running" ? 0.85 : 0.7;
    [job, etag] = (await read(job.url, etag)) ?? [job, etag];
  }
  shown.querySelector("progress").remove();
  mark(shown, job.status);
  if (job.error) return fail(shown, job.error.detail);
  show(job, shown);
}

// The job and its ETag once it isn't as the page knows it, which a read that waits is answered with at once. Null after a pause
// where there is no news, or no answer: the job goes on without us.
async function read(url, etag) {
  let answer = null;
  try {
    const headers = etag ? { "If-None-Match": etag } : {};
    answer = await fetch(`${url}?wait=20`, { headers, cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
    if (answer.ok) return [await answer.json(), answer.headers.get("ETag")];
  } catch {
    // the service is away; the next try may find it
  }
  const isRefused = answer?.status >= 400 && answer.status < 500 && answer.status !== 429;
  if (isRefused) throw explain(answer.status, await answer.json().catch(() => null));
  await pause(answer?.headers.get("Retry-After"));
  return null;
}

function show(job, shown) {
  const found = shown.querySelector(".found");
  const said = document.getElementById("said");
  if (job.status === "canceled") {
    found.append(line("withdrawn, so there is no result"));
    said.textContent = `${job.photo.filename}: canceled`;
    return;
  }
  if (!job.faces.length) found.append(line("no face found"));
  for (const face of job.faces) {
    found.append(draw(face));
  }
  const count = job.faces.length;
  said.textContent = `${job.photo.filename}: ${count} ${count === 1 ? "face" : "faces"}`;
}

// A face as other pages show it, so that pages/correct.js lets it be corrected here.
function draw(face) {
  const item = document.getElementById("found-face").content.cloneNode(true).firstElementChild;
  const told = `${face.emotion} ${face.confidence.toFixed(2)}`;
  const picture = item.querySelector("a");
  const image = item.querySelector("img");
  picture.href = `${form.dataset.pageUrl}/faces/${face.id}`;
  picture.title = `${told}: correct it`;
  picture.dataset.correct = face.id;
  picture.dataset.emotion = face.emotion;
  image.alt = `${told}: correct it`;
  image.src = form.dataset.cropUrl.replace("00000000-0000-0000-0000-000000000000", face.id);
  item.querySelector(".dot").classList.add(face.emotion);
  item.querySelector(".said").textContent = `${told}${face.uncertain ? " ?" : ""}`;
  return item;
}

function line(text) {
  const item = document.createElement("li");
  item.textContent = text;
  return item;
}

function mark(shown, status) {
  const pill = shown.querySelector(".pill");
  pill.className = `pill ${status}`;
  pill.textContent = status;
}

function fail(shown, detail) {
  mark(shown, "failed");
  const bar = shown.querySelector("progress");
  if (bar) bar.remove();
  const item = line(detail);
  item.className = "problem";
  shown.querySelector(".found").append(item);
  document.getElementById("said").textContent = detail;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  add(field.files);
  field.value = "";
});

field.addEventListener("change", () => form.requestSubmit());

for (const kind of ["dragover", "dragleave", "drop"]) {
  drop.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.toggle("over", kind === "dragover");
    if (kind === "drop") add(event.dataTransfer.files);
  });
}
