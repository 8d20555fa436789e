"use strict";
// Photos go to the API one by one, as any application sends them, and each is followed to its end by waiting reads.

const form = document.getElementById("try");
const drop = document.getElementById("drop");
const field = form.querySelector("input[type=file]");
const results = document.getElementById("results");
const template = document.getElementById("result");
const proof = form.querySelector("[name=csrf_token]").value;
const AT_ONCE = 3;
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

// fetch can't tell how much of a body has gone, so the upload is an XMLHttpRequest
function submit(file, shown) {
  const body = new FormData();
  body.append("image", file);
  const detector = form.elements.detector.value;
  if (detector) body.append("detector", detector);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", form.dataset.jobsUrl);
    request.setRequestHeader("X-CSRF-Token", proof);
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) shown.querySelector("progress").value = (event.loaded / event.total) * 0.6;
    });
    request.addEventListener("load", () => {
      if (request.status < 300) return resolve([request.response, request.getResponseHeader("ETag")]);
      reject(new Error((request.response && request.response.detail) || `the service answered ${request.status}`));
    });
    request.addEventListener("error", () => reject(new Error("the service can't be reached")));
    request.send(body);
  });
}

// A read that waits is answered as soon as the job isn't as the page knows it, which the ETag tells.
async function follow(job, etag, shown) {
  const name = shown.querySelector(".name");
  name.href = `${form.dataset.pageUrl}/${job.id}`;
  const image = new Image();
  image.alt = "";
  image.src = `${form.dataset.pageUrl}/${job.id}/preview`;
  shown.querySelector(".frame").append(image);
  while (!job.finished_at) {
    mark(shown, job.status);
    shown.querySelector("progress").value = job.status === "running" ? 0.85 : 0.7;
    const answer = await fetch(`${job.url}?wait=20`, { headers: { "If-None-Match": etag }, cache: "no-store" });
    if (answer.status === 304) continue;
    if (!answer.ok) throw new Error(`the service answered ${answer.status}`);
    [job, etag] = [await answer.json(), answer.headers.get("ETag")];
  }
  shown.querySelector("progress").remove();
  mark(shown, job.status);
  if (job.error) return fail(shown, job.error.detail);
  show(job, shown);
}

function show(job, shown) {
  const found = shown.querySelector(".found");
  if (!job.faces.length) found.append(line("no face found"));
  for (const face of job.faces) {
    const item = line(`${face.emotion} ${face.confidence.toFixed(2)}${face.uncertain ? " ?" : ""}`);
    const dot = document.createElement("i");
    dot.className = `dot ${face.emotion}`;
    item.prepend(dot);
    found.append(item);
  }
  const count = job.faces.length;
  document.getElementById("said").textContent = `${job.photo.filename}: ${count} ${count === 1 ? "face" : "faces"}`;
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
