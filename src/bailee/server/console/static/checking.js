// A passport that is dropped: folders are walked, which a file input cannot do, and everything is sent as one form.
// `receiving` is console.js's.
"use strict";

addEventListener("DOMContentLoaded", () => document.querySelectorAll("[data-papers]").forEach(taking));

function taking(place) {
  const form = place.closest("form");
  const said = place.querySelector("[data-chosen]");
  receiving(place, async (event) => {
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry && item.webkitGetAsEntry());
    const loose = [...event.dataTransfer.files];
    const found = entries.every((entry) => entry) && entries.length ? (await Promise.all(entries.map(walked))).flat() : loose.map((file) => [file.name, file]);
    if (!found.length) return;
    said.textContent = said.dataset.sending;
    const sent = new FormData(form);
    sent.delete("folder");
    sent.delete("files");
    found.forEach(([name, file]) => sent.append("files", file, name));
    const answer = await fetch(form.action, { method: "POST", body: sent });
    if (answer.redirected) {
      location.assign(answer.url);
      return;
    }
    const drawn = new DOMParser().parseFromString(await answer.text(), "text/html");
    document.querySelector("main").replaceWith(drawn.querySelector("main"));
    document.querySelector("main").focus();
  });
}

/** All files below an entry, with their paths. */
async function walked(entry) {
  if (entry.isFile) return [[entry.fullPath.replace(/^\//, ""), await new Promise((done, failed) => entry.file(done, failed))]];
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (!some.length) break;
    found.push(...some);
  }
  return (await Promise.all(found.map(walked))).flat();
}
