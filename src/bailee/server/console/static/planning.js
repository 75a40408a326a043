// The form for a plan: only the fields of the chosen kind show, and what it costs is asked for while somebody types.
"use strict";

addEventListener("DOMContentLoaded", () => {
  const form = document.querySelector(".plan-form");
  const place = form.querySelector("[data-estimate]");
  form.querySelectorAll("[data-scriptless]").forEach((one) => { one.hidden = true; });
  const kinds = () => {
    const chosen = new FormData(form).get("kind");
    form.querySelectorAll("[data-kind]").forEach((one) => {
      one.hidden = one.dataset.kind !== chosen;
      one.querySelectorAll("input, select").forEach((field) => { field.disabled = one.hidden; });
    });
  };
  let waiting = 0;
  let asked = 0;
  const estimate = async () => {
    const turn = ++asked;
    const answer = await fetch(place.dataset.estimate, { method: "POST", body: new FormData(form) });
    if (turn !== asked || !answer.ok) return;
    const drawn = new DOMParser().parseFromString(await answer.text(), "text/html");
    place.replaceChildren(...drawn.body.childNodes);
  };
  form.addEventListener("input", () => {
    kinds();
    clearTimeout(waiting);
    waiting = setTimeout(estimate, 400);
  });
  kinds();
});
