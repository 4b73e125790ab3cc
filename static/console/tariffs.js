// The tariff editor and the pane of figures: live while typing, cards that move, tips on the chart. Pages work without this.
"use strict";

(() => {
  const PAUSE = 250; // ms of quiet before the form is sent
  const form = document.querySelector("form[data-live]");
  const figures = document.querySelector("form[data-figures]");

  // --- putting an answer into its places; what is open stays open, and the focus stays where it was --------------------

  const opened = (box) => new Set([...box.querySelectorAll("details[id][open]")].map((each) => each.id));

  const put = (fresh, names) => {
    for (const part of fresh.querySelectorAll("[data-part]")) {
      if (names && !names.includes(part.dataset.part)) continue;
      const place = document.querySelector(`[data-part="${part.dataset.part}"]`);
      if (!place) continue;
      const open = opened(place);
      const known = new Set([...place.querySelectorAll("details[id]")].map((each) => each.id));
      const focused = place.contains(document.activeElement) ? document.activeElement : null;
      const key = focused && (focused.id || focused.querySelector("[id]")?.id);
      place.replaceChildren(...part.childNodes);
      for (const each of place.querySelectorAll("details[id]")) {
        if (known.has(each.id)) each.open = open.has(each.id);
      }
      if (key) document.getElementById(key)?.focus();
    }
  };

  const putRemarks = (fresh) => {
    const told = new Map([...fresh.querySelectorAll("[data-at]")].map((each) => [each.id, each]));
    for (const place of document.querySelectorAll("[data-at]")) {
      const news = told.get(place.id);
      place.replaceChildren(...(news ? news.childNodes : []));
      const field = document.getElementById(place.id.slice(3));
      if (field?.matches("input, select")) field.setAttribute("aria-invalid", String(!!place.querySelector(".rd-bad")));
    }
    for (const name of ["when", "words"]) {
      for (const each of fresh.querySelectorAll(`[data-${name}]`)) {
        for (const place of document.querySelectorAll(`[data-${name}="${each.dataset[name]}"]`)) place.textContent = each.textContent;
      }
    }
  };

  const state = (text) => {
    const place = document.querySelector("[data-live-state]");
    if (place && place.textContent !== text) place.textContent = text;
  };

  // --- live figures ------------------------------------------------------------------------------------------------------

  let timer = 0;
  let newest = 0;
  let running = null;

  const send = async (source) => {
    const number = ++newest;
    running?.abort();
    running = new AbortController();
    const body = new URLSearchParams(new FormData(source)); // read faster than the parts of a FormData
    const post = source === form;
    const url = post ? form.dataset.live : `${location.pathname}?${body}`;
    state("calculating…");
    try {
      const answer = await fetch(url, { method: post ? "POST" : "GET", body: post ? body : undefined, signal: running.signal });
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (number !== newest) return; // somebody typed on
      if (!answer.ok || answer.redirected) {
        const why = fresh.querySelector('[data-part="refused"]')?.textContent.trim();
        state(why || "The figures are those of before: the server did not answer. Recalculate tries again.");
        return;
      }
      put(fresh, ["summary", "results", "week"]);
      if (post) putRemarks(fresh);
      state("");
    } catch (error) {
      if (error.name !== "AbortError" && number === newest) state("The figures are those of before: the server did not answer.");
    }
  };

  const soon = (event) => {
    const source = event.target.closest("form[data-live], form[data-figures]");
    if (!source || event.target.name?.startsWith("e.")) return;
    if (event.target.name === "p.lang") return; // all languages are there already
    clearTimeout(timer);
    timer = setTimeout(send, event.type === "change" ? 0 : PAUSE, source);
  };
  document.addEventListener("input", soon);
  document.addEventListener("change", soon);

  // --- buttons that rearrange the form: the same answer as without scripts, put into the page -----------------------------

  const REARRANGE = ["_add", "_remove", "_up", "_down", "_move", "_copy", "_recalculate", "_keep", "_forget"];

  const rearrange = async (name, value) => {
    clearTimeout(timer);
    newest += 1;
    const body = new URLSearchParams(new FormData(form));
    body.append(name, value);
    try {
      const answer = await fetch(location.pathname, { method: "POST", body });
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (!answer.ok || !fresh.querySelector('[data-part="cards"]')) throw new Error("no form came back");
      put(fresh);
      form.dataset.dirty = "yes";
      const said = fresh.querySelector("[data-said]")?.textContent ?? "";
      document.querySelector("[data-said]").textContent = said;
      const notes = fresh.querySelector('main [role="status"]')?.textContent.trim();
      if (notes) state(notes);
      const wanted = form.querySelector("[autofocus]");
      const same = (name === "_up" || name === "_down") && wanted?.querySelector(`button[name="${name}"]:not(:disabled)`);
      (same || wanted)?.focus();
      wanted?.scrollIntoView({ block: "nearest" });
    } catch {
      form.requestSubmit(form.querySelector("[data-recalculate]"));
    }
  };

  form?.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (!button || !REARRANGE.includes(button.name)) return;
    event.preventDefault();
    form.dataset.dirty = "yes";
    rearrange(button.name, button.value);
  });

  form?.addEventListener("keydown", (event) => {
    const card = event.target.closest("[data-card]");
    if (!card || !event.altKey || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
    event.preventDefault();
    const button = card.querySelector(`button[name="${event.key === "ArrowUp" ? "_up" : "_down"}"]`);
    if (!button.disabled) rearrange(button.name, button.value);
  });

  // --- dragging -----------------------------------------------------------------------------------------------------------

  let dragged = null;
  form?.addEventListener("dragstart", (event) => {
    dragged = event.target.closest?.("[data-grip]")?.closest("[data-card]") ?? null;
    if (!dragged) return;
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", dragged.dataset.card);
    event.dataTransfer.setDragImage(dragged, 10, 10);
  });
  const over = (event) => (dragged ? event.target.closest?.("[data-card]") : null);
  form?.addEventListener("dragover", (event) => {
    const card = over(event);
    if (!card) return;
    event.preventDefault();
    for (const each of form.querySelectorAll("[data-card]")) each.classList.toggle("rt-target", each === card && card !== dragged);
  });
  form?.addEventListener("drop", (event) => {
    const card = over(event);
    if (!card) return;
    event.preventDefault();
    if (card !== dragged) rearrange("_move", `elements.${dragged.dataset.card}:${card.dataset.card}`);
  });
  form?.addEventListener("dragend", () => {
    for (const each of form.querySelectorAll(".rt-target")) each.classList.remove("rt-target");
    dragged = null;
  });

  // --- jumps: a field inside a fold is shown before it gets the focus -------------------------------------------------------

  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#f-"]');
    const target = link && document.getElementById(decodeURIComponent(link.hash.slice(1)));
    if (!target) return;
    event.preventDefault();
    for (let fold = target.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
    target.focus();
    target.scrollIntoView({ block: target.offsetHeight > innerHeight / 2 ? "start" : "center" });
  });

  // --- the chart tells the figures under the pointer ------------------------------------------------------------------------

  document.addEventListener("pointerover", (event) => {
    const tip = event.target.dataset?.tip;
    const place = event.target.closest?.("figure")?.querySelector(".rt-tip");
    if (tip && place) place.textContent = tip;
  });

  document.addEventListener("submit", (event) => {
    const question = event.target.dataset.confirm;
    if (question && !confirm(question)) event.preventDefault();
    else if (question && form) form.dataset.dirty = "sent";
  });

  for (const source of [form, figures]) source?.classList.add("rt-scripted"); // what recalculates by itself needs no button
})();
