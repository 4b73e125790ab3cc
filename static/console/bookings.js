// The calendar of bookings by keyboard: one stop for Tab in each location, arrows from bar to bar. And the viewer's own clock beside
// that of the location. Pages work without it.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const clock = (at, options) => new Intl.DateTimeFormat("en-GB", { timeZone: zone, hourCycle: "h23", ...options }).format(at);

  for (const table of document.querySelectorAll(".rb-day")) {
    const rows = [...table.tBodies[0].rows].map((row) => [...row.querySelectorAll(".rb-bar")]).filter((bars) => bars.length);
    const all = rows.flat();
    all.forEach((bar, place) => (bar.tabIndex = place ? -1 : 0));
    const go = (bar) => {
      if (!bar) return;
      all.forEach((each) => (each.tabIndex = -1));
      bar.tabIndex = 0;
      bar.focus();
    };
    const near = (bars, left) => bars?.reduce((best, bar) => (Math.abs(bar.offsetLeft - left) < Math.abs(best.offsetLeft - left) ? bar : best));
    table.addEventListener("keydown", (event) => {
      const at = rows.findIndex((bars) => bars.includes(document.activeElement));
      if (at < 0 || event.altKey || event.ctrlKey || event.metaKey) return;
      const bars = rows[at];
      const place = bars.indexOf(document.activeElement);
      const to = {
        ArrowRight: () => bars[place + 1] ?? rows[at + 1]?.[0],
        ArrowLeft: () => bars[place - 1] ?? rows[at - 1]?.at(-1),
        ArrowDown: () => near(rows[at + 1], bars[place].offsetLeft),
        ArrowUp: () => near(rows[at - 1], bars[place].offsetLeft),
        Home: () => bars[0],
        End: () => bars.at(-1),
      }[event.key];
      if (!to) return;
      event.preventDefault();
      go(to());
    });

    // what is now, or the first booking, comes into sight; by now the theme has shown the page, its own event was before this script
    const mark = table.querySelector(".rb-now") ?? table.querySelector(".rb-bar");
    const box = table.closest(".rd-scroll");
    const show = () => (box.scrollLeft = Math.max(mark.offsetLeft - box.clientWidth / 3, 0));
    if (mark && box) requestAnimationFrame(show);

    const hours = table.querySelector(".rb-hours");
    const ticks = [...hours.querySelectorAll("[data-at]")];
    if (ticks.some((tick) => clock(new Date(tick.dataset.at), { hour: "2-digit", minute: "2-digit" }) !== tick.textContent.slice(0, 5))) {
      const yours = hours.cloneNode(true);
      yours.classList.add("rb-yours");
      yours.title = zone;
      for (const tick of yours.querySelectorAll("[data-at]"))
        tick.textContent = clock(new Date(tick.dataset.at), { hour: "2-digit", minute: "2-digit" });
      hours.after(yours);
      const said = document.createElement("span");
      said.className = "rd-quiet";
      said.textContent = ` · second line: your time, ${zone}`;
      table.closest("section").querySelector("h3 .rd-quiet")?.append(said);
    }
  }

  for (const time of document.querySelectorAll(".rb-time")) {
    const parts = { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" };
    const made = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, hourCycle: "h23", ...parts }).format(new Date(time.dateTime));
    if (made === time.textContent) continue;
    const said = document.createElement("span");
    said.className = "rb-yours-time";
    said.textContent = ` (${made.slice(0, 10) === time.textContent.slice(0, 10) ? made.slice(11) : made} your time)`;
    time.append(said);
  }
});
