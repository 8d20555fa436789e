"use strict";
// Any face on any page is corrected on the spot: a click on its picture asks what it appears to express, and the keys of the review
// vote on the picture that has the focus. Without a script the picture leads to its photo's page, where it is corrected.

{
  const WAITING = "emoscope-correction";
  const dialog = document.getElementById("correct");
  const form = dialog.querySelector("form");
  const problem = dialog.querySelector(".problem");
  let asked = null;

  function ask(picture) {
    asked = picture;
    problem.hidden = true;
    form.elements.face_id.value = picture.dataset.correct;
    dialog.querySelector("img").src = picture.querySelector("img").src;
    const { emotion } = picture.dataset; // none where what the model says is kept back
    dialog.querySelector(".said").textContent = emotion ?? "";
    dialog.querySelector(".said").parentElement.hidden = !emotion;
    dialog.querySelector(".kept-back").hidden = Boolean(emotion);
    dialog.querySelector(".photo").href = picture.href;
    if (!dialog.matches(":popover-open")) dialog.showPopover();
    form.querySelector("button").focus();
  }

  async function vote(picture, button) {
    const sent = new FormData(form);
    sent.set("face_id", picture.dataset.correct);
    sent.set("choice", button.value);
    sent.set("fragment", "yes");
    const choice = button.value.replaceAll("_", " ");
    try {
      const answer = await fetch(dialog.dataset.voteUrl, { method: "POST", body: sent, signal: AbortSignal.timeout(10_000) });
      if (answer.redirected) { // signed out meanwhile: the vote is kept, and cast after the next sign-in
        sessionStorage.setItem(WAITING, JSON.stringify({ person: document.body.dataset.person, face: picture.dataset.correct, choice: button.value }));
        return location.assign(answer.url);
      }
      if (!answer.ok) throw new Error(`answers with an error (${answer.status})`);
    } catch (error) {
      ask(picture);
      problem.textContent = `The vote "${choice}" isn't stored: the service ${error.message.startsWith("answers") ? error.message : "can't be reached"}. Try it again.`;
      problem.hidden = false;
      return;
    }
    for (const each of document.querySelectorAll(`[data-correct="${CSS.escape(picture.dataset.correct)}"]`)) tell(each, choice);
    document.getElementById("corrected").textContent = `You said: ${choice}`;
    if (dialog.matches(":popover-open")) dialog.hidePopover();
    if (picture.isConnected) picture.focus();
    document.dispatchEvent(new CustomEvent("corrected", { detail: { face: picture.dataset.correct } }));
  }

  function tell(picture, choice) {
    const told = picture.querySelector(".own") ?? picture.appendChild(document.createElement("span"));
    told.className = "own";
    told.textContent = `You: ${choice}`;
  }

  document.addEventListener("click", (event) => {
    const picture = event.target.closest?.("[data-correct]");
    if (!picture || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    ask(picture);
  });

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (asked && event.submitter) vote(asked, event.submitter);
  });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || localStorage.getItem("emoscope-review-keys") === "off") return;
    const isOpen = dialog.contains(event.target);
    const picture = isOpen ? asked : event.target.closest?.("[data-correct]");
    const button = picture && form.querySelector(`[data-key="${CSS.escape(event.key.toLowerCase())}"]`);
    if (!button) return;
    event.preventDefault();
    vote(picture, button);
  });

  // A vote that found the session ended is sent after the sign-in.
  const waiting = JSON.parse(sessionStorage.getItem(WAITING) ?? "null");
  if (waiting) {
    sessionStorage.removeItem(WAITING);
    const picture = document.querySelector(`[data-correct="${CSS.escape(waiting.face)}"]`);
    const button = form.querySelector(`[value="${CSS.escape(waiting.choice)}"]`);
    if (picture && button && waiting.person === document.body.dataset.person) vote(picture, button);
  }
}
