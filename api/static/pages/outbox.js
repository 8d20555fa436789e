// @ts-check
// Votes that the service hasn't confirmed, oldest first. They outlive the page: the browser keeps them under the reviewer's name, since
// another reviewer's votes wait for that one.

const OUTBOX = `emoscope-votes-${document.body.dataset.person}`;

/**
 * @typedef {object} Vote
 * @property {string} face
 * @property {string} choice
 * @property {boolean} isUnsure whether it may be stored, and only the answer got lost
 */

export const outbox = readOutbox();

/** @returns {Vote[]} */
function readOutbox() {
  try {
    return JSON.parse(localStorage.getItem(OUTBOX) ?? "[]");
  } catch {
    return [];
  }
}

/** Store what changed in the outbox. */
export function keepOutbox() {
  if (outbox.length) localStorage.setItem(OUTBOX, JSON.stringify(outbox));
  else localStorage.removeItem(OUTBOX);
}

/** @param {Vote} vote */
export function addVote(vote) {
  outbox.push(vote);
  keepOutbox();
}

/** @param {Vote} vote */
export function dropVote(vote) {
  outbox.splice(outbox.indexOf(vote), 1);
  keepOutbox();
}
