// What pages do beyond HTML: nothing that one cannot do without. No framework, no inline script, nothing from elsewhere.
"use strict";

document.documentElement.classList.add("scripted");

addEventListener("DOMContentLoaded", () => {
  menu();
  enhance(document);
});

/** The pages' list on narrow screens. Escape closes it. */
function menu() {
  const button = document.querySelector("[data-menu]");
  if (!button) return;
  const show = (open) => {
    document.documentElement.classList.toggle("menu-open", open);
    button.setAttribute("aria-expanded", String(open));
  };
  button.addEventListener("click", () => show(button.getAttribute("aria-expanded") !== "true"));
  addEventListener("keydown", (event) => {
    if (event.key === "Escape" && button.getAttribute("aria-expanded") === "true") {
      show(false);
      button.focus();
    }
  });
}

/** Everything below `root` that has a data- attribute of ours; also for what a stream brought. */
function enhance(root) {
  root.querySelectorAll("[data-copy]").forEach(copying);
  root.querySelectorAll("[data-stream]").forEach(streaming);
  root.querySelectorAll("[data-drop]").forEach(dropping);
  root.querySelectorAll("form[data-once]").forEach(sendingOnce);
  root.querySelectorAll("table").forEach(stacking);
}

/** On narrow screens a row is a small list, each cell with its column's title; what it is stays said to screen readers. */
function stacking(table) {
  const titles = [...table.querySelectorAll("thead th")].map((one) => one.querySelector(".unseen") ? "" : one.textContent.trim());
  table.classList.add("stacks");
  table.setAttribute("role", "table");
  table.querySelectorAll("thead, tbody").forEach((one) => one.setAttribute("role", "rowgroup"));
  table.querySelectorAll("tr").forEach((row) => {
    row.setAttribute("role", "row");
    [...row.cells].forEach((cell, at) => {
      const heads = cell.tagName === "TH";
      cell.setAttribute("role", !heads ? "cell" : cell.closest("thead") ? "columnheader" : "rowheader");
      if (titles[at] && cell.closest("tbody")) cell.dataset.label = titles[at];
    });
  });
}

/** A button that copies its text; it is hidden where the browser cannot. */
function copying(button) {
  if (!navigator.clipboard) return;
  button.hidden = false;
  const label = button.querySelector("span");
  const before = label.textContent;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    label.textContent = button.dataset.done;
    label.setAttribute("role", "status");
    setTimeout(() => { label.textContent = before; label.removeAttribute("role"); }, 2000);
  });
}

/** An element whose content the server draws again while it changes. Focus and open details inside it are kept. */
function streaming(region) {
  const source = new EventSource(region.dataset.stream);
  source.addEventListener("html", (event) => {
    const open = [...region.querySelectorAll("details[open][id]")].map((one) => one.id);
    const focused = region.contains(document.activeElement) ? document.activeElement.id : "";
    const drawn = new DOMParser().parseFromString(JSON.parse(event.data), "text/html");
    region.replaceChildren(...drawn.body.childNodes);
    open.forEach((id) => { const one = document.getElementById(id); if (one) one.open = true; });
    if (focused) document.getElementById(focused)?.focus();
    enhance(region);
  });
  source.addEventListener("end", () => {
    source.close();
    const next = region.querySelector("[data-then]");
    if (next) location.assign(next.dataset.then);
  });
}

/** Things may be dropped on `place`: shown while they are above it, and then `take(event)`. */
function receiving(place, take) {
  const over = (on) => (event) => { event.preventDefault(); place.classList.toggle("over", on); };
  place.addEventListener("dragover", over(true));
  place.addEventListener("dragleave", over(false));
  place.addEventListener("drop", (event) => {
    over(false)(event);
    take(event);
  });
}

/** A place that takes dropped files for the file input in it. With data-drop="send" its form is sent at once. */
function dropping(place) {
  const input = place.querySelector("input[type=file]");
  receiving(place, (event) => {
    if (!event.dataTransfer.files.length) return;
    input.files = event.dataTransfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });
  if (place.dataset.drop === "send") input.addEventListener("change", () => input.form.requestSubmit());
}

/** A form that must not be sent twice: its buttons rest once it is on its way. */
function sendingOnce(form) {
  form.addEventListener("submit", () => setTimeout(() => form.querySelectorAll("button").forEach((one) => { one.disabled = true; })));
}
addEventListener("pageshow", () => document.querySelectorAll("form[data-once] button").forEach((one) => { one.disabled = false; }));
