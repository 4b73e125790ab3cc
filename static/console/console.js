// Small behaviours that every page of the console may use. Pages work without them.
"use strict";

// Copy buttons: <button data-copy="text">.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  event.preventDefault();
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
  } catch {
    const area = document.createElement("textarea"); // plain http has no clipboard API
    area.value = button.dataset.copy;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  button.classList.add("rd-copied");
  setTimeout(() => button.classList.remove("rd-copied"), 1500);
});

// A part of a page that renews itself: <div data-refresh="10"> with an id, and a button data-refresh-pause for it.
document.addEventListener("DOMContentLoaded", () => {
  for (const part of document.querySelectorAll("[data-refresh][id]")) {
    let paused = localStorage.getItem("rd-paused") === "1";
    const button = document.querySelector(`[data-refresh-pause="${part.id}"]`);
    const status = document.querySelector(`[data-refresh-age="${part.id}"]`);
    let last = Date.now();
    const show = () => {
      if (button) {
        button.setAttribute("aria-pressed", String(paused));
        button.textContent = paused ? button.dataset.resume : button.dataset.pause;
      }
      if (status) status.textContent = `${Math.round((Date.now() - last) / 1000)} s`;
    };
    button?.addEventListener("click", () => {
      paused = !paused;
      localStorage.setItem("rd-paused", paused ? "1" : "0");
      show();
    });
    const renew = async () => {
      if (paused || document.hidden || part.contains(document.activeElement)) return;
      try {
        const answer = await fetch(location.href, { headers: { "X-Part": part.id } });
        if (!answer.ok || answer.redirected) return;
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const fresh = page.getElementById(part.id);
        if (fresh) {
          const open = [...part.querySelectorAll("details[id][open]")].map((each) => each.id);
          part.replaceChildren(...fresh.childNodes);
          for (const id of open) document.getElementById(id)?.setAttribute("open", "");
          last = Date.now();
          if (!fresh.dataset.refresh) clearInterval(renewing);  // nothing more will happen
        }
      } catch {
        // the age keeps growing and tells that nothing arrives
      }
    };
    const renewing = setInterval(renew, Number(part.dataset.refresh) * 1000);
    setInterval(show, 1000);
    show();
  }
});

// On a small window filters that leave nothing out are folded: the list begins on the first screen.
document.addEventListener("DOMContentLoaded", () => {
  if (!matchMedia("(max-width: 640px)").matches) return;
  for (const fold of document.querySelectorAll("details[data-narrow-shut]")) fold.open = false;
});

// Forms with data-dirty warn before they are left with changes.
document.addEventListener("input", (event) => {
  const form = event.target.closest("form[data-dirty]");
  if (form) form.dataset.dirty = "yes";
});
document.addEventListener("submit", (event) => {
  if (event.target.dataset.dirty) event.target.dataset.dirty = "sent";
});
window.addEventListener("beforeunload", (event) => {
  if (document.querySelector('form[data-dirty="yes"]')) event.preventDefault();
});

// The box in a table's head that checks all boxes below it, which belong to the form of that id.
document.addEventListener("change", (event) => {
  const name = event.target.dataset.chooseAll;
  if (!name) return;
  for (const box of document.querySelectorAll(`input[type=checkbox][form="${name}"]`)) box.checked = event.target.checked;
});

// What scrolls sideways must be reachable by keyboard.
const reachable = () => {
  for (const box of document.querySelectorAll(".rd-scroll")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else if (!box.hasAttribute("role")) box.removeAttribute("tabindex");
  }
};
document.addEventListener("DOMContentLoaded", reachable);
window.addEventListener("resize", reachable);

// The menu's groups stay as somebody left them; the one of the page is always open, and its line in sight.
document.addEventListener("DOMContentLoaded", () => {
  const left = JSON.parse(localStorage.getItem("rd-menu") || "{}");
  for (const group of document.querySelectorAll("details[data-fold]")) {
    const name = group.dataset.fold;
    if (name in left && !group.querySelector("[aria-current]")) group.open = left[name];
    group.querySelector("summary").addEventListener("click", () => {
      left[name] = !group.open;
      localStorage.setItem("rd-menu", JSON.stringify(left));
    });
  }
});
document.addEventListener("alpine:initialized", () => requestAnimationFrame(() => {
  document.querySelector("#nav-sidebar-apps [aria-current]")?.scrollIntoView({ block: "nearest" });
}));

// The theme hides the page until its scripts run, and what is hidden takes no focus: give it afterwards, to what the page asks
// for (an error summary, an entry just added) or to the field that the address names.
const settle = () => {
  const named = location.hash.length > 1 ? document.getElementById(decodeURIComponent(location.hash.slice(1))) : null;
  const wanted = document.querySelector("main [autofocus]") || named;
  if (!wanted) return;
  wanted.focus();
  wanted.scrollIntoView({ block: wanted.offsetHeight > innerHeight / 2 ? "start" : "center" });
};
document.addEventListener("alpine:initialized", () => requestAnimationFrame(settle));

// The drawer of filters is a dialog: it takes the focus, keeps it while open, and gives it back.
document.addEventListener("DOMContentLoaded", () => {
  const drawer = document.getElementById("changelist-filter");
  const opener = document.querySelector('[aria-controls="changelist-filter"]');
  if (!drawer || !opener) return;
  drawer.setAttribute("role", "dialog");
  drawer.setAttribute("aria-label", opener.textContent.trim());
  const inside = () => [...drawer.querySelectorAll("select, input:not([type=hidden]), button, a[href]")];
  opener.addEventListener("click", () => setTimeout(() => inside()[0]?.focus(), 100));
  window.addEventListener("keydown", (event) => {
    if (!drawer.contains(document.activeElement)) return;
    const all = inside();
    if (event.key === "Escape") opener.focus();
    if (event.key !== "Tab") return;
    const leaving = event.shiftKey ? all[0] : all[all.length - 1];
    if (document.activeElement !== leaving) return;
    event.preventDefault();
    (event.shiftKey ? all[all.length - 1] : all[0]).focus();
  });
});
